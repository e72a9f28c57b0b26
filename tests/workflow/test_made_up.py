"""What a cell makes up anew each time is let go; what its code says around that is held, one edit at a time."""

from __future__ import annotations

import contextlib
import io
import string
import tempfile
from collections.abc import Iterator

import pytest

from agilab.workflow.notebooks.places import misfit

_TEMPFILE, _MKDTEMP = "import tempfile\n", "import os, tempfile\nd = tempfile.mkdtemp()\n"
_UUID, _TOKEN = "import uuid\nu = uuid.uuid4()\n", "import secrets\n"
_NOW = "import time, datetime\nnow = datetime.datetime.now()\n"
_NAMED = "class Model:\n    pass\nm = Model()\n"
_PATH = "import tempfile\nfrom pathlib import Path\nd = Path(tempfile.mkdtemp())\n"

EDITS = [
    (_TEMPFILE, "print(tempfile.mktemp(suffix='_22.csv'))", "_22", "_23"),
    (_TEMPFILE, "print(tempfile.mktemp(suffix='_22.csv'))", ".csv", ".tsv"),
    (_TEMPFILE, "print(tempfile.mktemp(suffix='22'))", "22", "24"),
    (_TEMPFILE, "print(tempfile.mktemp(suffix='k3.csv'))", "k3", "k4"),
    (_TEMPFILE, "print(tempfile.mktemp(prefix='run'))", "run", "ran"),
    (_TEMPFILE, "print(tempfile.mktemp(prefix='run_3_'))", "_3_", "_4_"),
    (_TEMPFILE, "print(tempfile.mktemp(prefix='part-1-'))", "-1-", "-2-"),
    (_TEMPFILE, "f = tempfile.NamedTemporaryFile(suffix='_k3.csv')\nprint('wrote', f.name)", "k3", "k4"),
    (_TEMPFILE, "f = tempfile.NamedTemporaryFile(suffix='.csv')\nprint('wrote', f.name)", "wrote", "reads"),
    (_TEMPFILE, "print(tempfile.mkdtemp(suffix='_a'), 3)", "_a", "_b"),
    (_TEMPFILE, "print(tempfile.mkdtemp(prefix='exp1'), 3)", "exp1", "exp2"),
    (_TEMPFILE, "print([tempfile.mktemp(suffix=s) for s in ('_1', '_2')])", "'_2'", "'_3'"),
    (_TEMPFILE, "print({'path': tempfile.mktemp(suffix='.db'), 'n': 3})", "'n': 3", "'n': 4"),
    (_TEMPFILE, "print(tempfile.mktemp(dir='/tmp/study_3'))", "study_3", "study_4"),
    (_MKDTEMP, "print(os.path.join(d, 'run_3', 'x.csv'))", "run_3", "run_4"),
    (_MKDTEMP, "print(os.path.join(d, 'run_3', 'x.csv'))", "x.csv", "y.csv"),
    (_MKDTEMP, "print(os.path.join(d, 'run_3', 'x.csv'))", "'run_3', ", ""),
    (_MKDTEMP, "print(os.path.join(d, 'a', 'b', 'c'))", "'a', 'b'", "'b', 'a'"),
    (_MKDTEMP, "print(os.path.relpath(os.path.join(d, 'x'), d), d)", "'x'), d), d", "'z'), d), d"),
    (_MKDTEMP, "print(f'in {d}, 5 files')", "5", "6"),
    (_MKDTEMP, "print(d + '_old')", "_old", "_new"),
    (_MKDTEMP, "print(os.path.basename(d) + '_old')", "_old", "_new"),
    (_PATH, "print(repr(d / 'model' / 'weights.bin'))", "model", "mode1"),
    (_PATH, "print((d / 'a.csv').with_suffix('.json'))", ".json", ".jsn"),
    (_PATH, "print(d / 'a', d / 'b')", "d / 'b'", "d / 'c'"),
    (_UUID, "print(f'{u}-v2')", "-v2", "-v3"),
    (_UUID, "print(f'{u}_v2')", "_v2", "_v3"),
    (_UUID, "print(f'{u}v2')", "v2", "v3"),
    (_UUID, "print(f'run_{u}')", "run_", "ran_"),
    (_UUID, "print(f'run{u}')", "run", "ran"),
    (_UUID, "print(f'run_{u.hex}')", "run_", "ran_"),
    (_UUID, "print(f'run_{u.hex[:8]}')", "run_", "ran_"),
    (_UUID, "print(f'run_{u.hex[:8]}_fold2')", "fold2", "fold3"),
    (_UUID, "print(f'run1_{u.hex[:8]}')", "run1", "run2"),
    (_UUID, "print(f'{u.hex}.json')", ".json", ".yaml"),
    (_UUID, "print({'id': str(u), 'kind': 'a'})", "'a'", "'b'"),
    (_UUID, "print(u.urn)", "u.urn", "str(u)"),
    (_UUID, "print(f'{str(u)[:8]}/part-4')", "part-4", "part-5"),
    (_TOKEN, "print('key_' + secrets.token_hex(8) + '_end3')", "end3", "end4"),
    (_TOKEN, "print('key_' + secrets.token_hex(8) + '_end3')", "key_", "kex_"),
    (_TOKEN, "print('n', 4, secrets.token_hex(4))", "4, s", "5, s"),
    (_NAMED, "print(m, 3)", "3", "4"),
    (_NAMED, "print(f'{m!r}: 0.5')", "0.5", "0.6"),
    (_NAMED, "print(f'{hex(id(m))}_3')", "_3", "_4"),
    (_NAMED, "print(f'a3_{hex(id(m))}')", "a3", "a4"),
    (_NAMED, "print('at', id(m), 'rows', 3)", "3", "4"),
    (_NAMED, "print(f'obj_{id(m)}_3')", "_3'", "_4'"),
    (_NAMED, "print(f'obj_{id(m)}')", "obj", "obi"),
    (_NAMED, "print([Model(), Model()], 'two')", "Model(), Model()", "Model()"),
    (_NAMED, "f = lambda: 1\nprint(f, 'of 2')", "of 2", "of 3"),
    (_NOW, "print(f'run_{time.time_ns()}_a1')", "_a1", "_a2"),
    (_NOW, "print(f'run_{time.time_ns()}')", "run", "rum"),
    (_NOW, "print(f'{now:%Y%m%d_%H%M%S%f}_v1')", "_v1", "_v2"),
    (_NOW, "print(f'fold1_{now:%Y%m%d_%H%M%S%f}')", "fold1", "fold2"),
    (_NOW, "print(f'{now:%Y-%m-%d %H:%M:%S.%f} saved 3')", "3", "4"),
    (_NOW, "print(f'took {time.perf_counter() % 1:.9f} s for 3 rows')", "3 rows", "4 rows"),
    (_NOW, "print(f'took {time.perf_counter() % 1:.9f} s')", " s'", " ms'"),
    (_NOW, "print(f'score 0.91 at {now}')", "0.91", "0.92"),
    (_NOW, "print({'began': now.isoformat(), 'k': 7})", "'k': 7", "'k': 8"),
    (_NOW, "print(f'model-{time.time()}.pkl')", ".pkl", ".pkz"),
    ("import threading, uuid\n", "t = threading.Thread(name='w4-' + uuid.uuid4().hex)\nprint(t.name)", "w4", "w5"),
    ("import random\n", "x = [str(random.getrandbits(64)), 'b3']\nprint(set(x), 5)", ", 5)", ", 6)"),
    ("import random\n", "print({f'a{random.getrandbits(64)}', 'kept'})", "kept", "lost"),
    ("import random\n", "print('h', hash(str(random.random())), 'm')", "'m'", "'n'"),
]  # fmt: skip


def said(cells: list[str]) -> list[str]:
    """What cells print, run here as they stand; what they make is kept, so that no address comes again."""
    kept, found = [], []
    for cell in cells:
        out = io.StringIO()
        kept.append({"__name__": "__main__"})
        with contextlib.redirect_stdout(out):
            exec(compile(cell, "<cell>", "exec"), kept[-1])
        found.append(out.getvalue())
    return found


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Made-up names have no `_` here: where all have one at the same end by chance, it counts as written there."""
    monkeypatch.setattr(tempfile._RandomNameSequence, "characters", string.ascii_lowercase + string.digits)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.mark.parametrize(("begin", "cell", "old", "new"), EDITS)
def test_an_edit_beside_what_is_made_up_is_told(begin: str, cell: str, old: str, new: str) -> None:
    assert cell.count(old) >= 1
    edited = cell.replace(old, new)
    for count in (2, 3) * 5:
        *runs, alike, mine = said([*[begin + cell] * (count + 1), begin + edited])
        assert misfit(runs[0], runs[1:], mine) is not None
        # where all are one text, by addresses that are free again, nothing is asked
        assert {*runs, alike} == {alike} or misfit(runs[0], runs[1:], alike) is None


def test_there_are_edits_of_every_kind() -> None:
    assert len(EDITS) >= 60
    assert len(set(EDITS)) == len(EDITS)


def test_temporary_files_may_lie_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    place = "/var/folders/zz/zyxvpxvq6csfxvn/T"
    monkeypatch.setattr(tempfile, "tempdir", place)
    runs = [
        f"in {place}/agilab-verify-k3x0a9qz/{room}/tmp/{name}/fold_1\n"
        for room, name in (("once/notebook-0", "tmpk3x0a9qz"), ("again/notebook-0", "tmp81bv_c2w"))
    ]
    assert misfit(runs[0], runs[1:], f"in {place}/tmpq_7w9e1r/fold_1\n") is None
    assert misfit(runs[0], runs[1:], f"in {place}/tmpq_7w9e1r/fold_2\n") is not None
