"""What people write by hand and editors add: a mark at the beginning, lists with equal items, secrets, keywords."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.contracts.base import parse_document, read_document
from agilab.contracts.lab_stages import LabStages, Stage
from agilab.contracts.run_manifest import RunManifest
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.tracking.payload import build_payload
from agilab.workflow.document.edit import add_stage, write_lab
from agilab.workflow.document.locate import read_lab_file
from agilab.workflow.document.migrate import migrate, planned
from agilab.workflow.document.walked import entries
from agilab.workflow.judging.validate import validate
from agilab.workflow.running.execution import run_lab
from agilab.workflow.running.prepare import read_lab
from agilab.workflow.running.request import LabRequest
from agilab.workflow.running.write_back import write_back
from tests.workflow.conftest import ALab

MARK = b"\xef\xbb\xbf"
LAB = """# mine
schema = "agilab.lab_stages.v2"

[lab.params]
day = 2024-05-31

[[stages]]
id = "a"
file = "a.py"
inputs = ["day"]
outputs = ["x"]
"""


def found(path: Path) -> list[str]:
    return [f"{one.code[-3:]} {one.what}" for one in validate(path, Workspace(path.parent / "home")).findings]


@pytest.mark.slow
def test_a_mark_at_the_beginning_is_read_and_kept(lab: ALab) -> None:
    """Notepad and PowerShell 5 write it; Python reads code with it, and so do we."""
    windows = MARK + LAB.replace("\n", "\r\n").encode()
    lab.path.write_bytes(windows)
    (lab.folder / "a.py").write_bytes(MARK + b"x = day.year\n")
    assert found(lab.path) == []
    done = lab.run()
    assert done.error is None
    written = lab.path.read_bytes()
    assert written.startswith(windows.rstrip())  # and then what the run says of itself
    assert written.count(b"\n") == written.count(b"\r\n")

    file = read_lab_file(lab.path)
    edited = write_lab(file, add_stage(file.lab, Stage(id="b", code="1")), lab.workspace)
    assert lab.path.read_bytes().startswith(windows.rstrip())
    assert edited.kept is not None
    assert edited.kept.read_bytes() == written  # what `undo` puts back


def test_a_mark_at_the_beginning_of_a_v1_file_stays_through_a_migration(tmp_path: Path) -> None:
    path = tmp_path / "lab_stages.toml"
    path.write_bytes(MARK + b'[[flight]]\nid = "a"\nC = "x = 1"\n')
    migrate(planned(path))
    assert path.read_bytes().startswith(MARK + b"schema")
    assert [stage.code for stage in read_lab_file(path).lab.stages] == ["x = 1"]


@pytest.mark.parametrize(
    ("head", "stage", "what"),
    [
        (
            "",
            "foreach = { v = [1.5, inf] }",
            "the list v of each is no finite number, or holds one that is not",
        ),
        ("limit = nan", "", "the param limit is no finite number, or holds one that is not"),
    ],
)
def test_a_number_that_json_does_not_have_is_told_and_refused_before_a_run(
    tmp_path: Path, head: str, stage: str, what: str
) -> None:
    path = tmp_path / "lab_stages.toml"
    path.write_text(f'[lab.params]\n{head}\n[[stages]]\nid = "each"\ncode = "1"\n{stage}\n')
    assert f"063 {what}" in found(path)
    with pytest.raises(AgiError, match=what) as refused:
        read_lab(path)
    assert refused.value.code == "AGI-STAGE-063"


@pytest.mark.parametrize("values", ['[1, "1"]', "[2, 2.0]", '["a", "b", "a"]', "[2024-05-31, '2024-05-31']"])
@pytest.mark.parametrize("param", [False, True])
def test_two_items_with_one_key_are_told_before_a_run(tmp_path: Path, values: str, param: bool) -> None:
    path = tmp_path / "lab_stages.toml"
    head, walked = (f"[lab.params]\nlisted = {values}\n", '"listed"') if param else ("", values)
    path.write_text(f'{head}[[stages]]\nid = "each"\nforeach = {{ v = {walked} }}\ncode = "v"\n')
    assert "062 two items of v have the same key" in found(path)


@pytest.mark.parametrize("name", ["lambda", "class", "None"])
def test_a_keyword_is_no_name_of_a_value(name: str) -> None:
    """It would be run under another name, but no notebook could say `lambda = 0.1`."""
    with pytest.raises(AgiError, match=rf"lab.params.{name} is not a name that can stand here") as refused:
        parse_document(f"[lab.params]\n{name} = 0.1\n", LabStages, "lab")
    assert "none of its keywords" in (refused.value.allowed or "")


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "true", "0.0", '"some"'])
def test_what_cannot_be_required_is_told_with_all_that_can(value: str) -> None:
    with pytest.raises(AgiError, match=r"stages\[0\].require is no share of units") as refused:
        parse_document(f'[[stages]]\nid = "a"\nrequire = {value}\n', LabStages, "lab")
    assert refused.value.allowed == '"all", "any", a number from 1, or a share between 0 and 1'


@pytest.mark.parametrize(
    ("value", "mend"),
    [
        ("abc", "names = [names]"),
        (5, "names = list(range(names))"),
        ([object()], "names = [str(one) for one in names], or another text or number for each item"),
    ],
)
def test_what_cannot_be_walked_is_told_with_what_makes_a_list_of_it(value: object, mend: str) -> None:
    with pytest.raises(AgiError, match="for each of names, which is no list of data") as refused:
        entries(value, "names")
    assert refused.value.try_ == mend


def test_a_list_that_only_its_own_environment_can_read_is_called_what_it_is(lab: ALab) -> None:
    lab.write("""
        [[stages]]
        id = "count"
        outputs = ["letters"]
        code = "import collections; letters = collections.Counter('aab')"

        [[stages]]
        id = "each"
        foreach = { letter = "letters" }
        code = "letter"
    """)
    error = lab.run().error
    assert error is not None
    assert error.what == "a stage is to run for each of letters, which is no list of data"
    assert (error.found, error.try_) == ("a value of type collections.Counter", "letters = dict(letters)")


@pytest.mark.slow
def test_a_secret_among_the_params_is_told_and_goes_nowhere(lab: ALab) -> None:
    lab.write("""
        [lab.params]
        api_key = "wJalrXUtnFEMI"
        source = "postgresql://me:hunter2hunter@db.example.org/weather"
        max_tokens = 512
        token = "$TOKEN"

        [[stages]]
        id = "ask"
        inputs = ["api_key", "source", "max_tokens", "token"]
        outputs = ["lengths"]
        code = "lengths = [len(api_key), len(source), max_tokens, len(token)]; lengths"
    """)
    assert found(lab.path) == [
        "086 the param api_key holds a literal api_key",
        "086 the param source holds a password in a URL",
    ]
    done = lab.run(params={"api_key": "another-of-them"})
    assert (
        lab.shown(done, "ask")
        == f"[15, {len('postgresql://me:hunter2hunter@db.example.org/weather')}, 512, 6]"
    )
    with Store(lab.workspace) as store:
        told = str(build_payload(store, done.run_id or "", {}))
    manifest = Path(done.manifest or "").read_text(encoding="utf-8")
    for secret in ("another-of-them", "wJalrXUtnFEMI", "hunter2hunter"):
        assert secret not in told
        assert secret not in manifest
    args = read_document(done.manifest or "", RunManifest).args
    assert args == {"api_key": "•••", "source": "•••", "max_tokens": 512, "token": "$TOKEN"}


@pytest.mark.slow
def test_long_code_is_judged_in_time_that_grows_as_it_does(tmp_path: Path) -> None:
    """8,000 lines took a quarter of a minute, 20,000 more than one: the text was split anew for each statement."""
    lines = "\n".join(f"v{number} = {number} + 1" for number in range(8_000))
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "long"\nversion = "0"\n')
    (tmp_path / "uv.lock").write_text(
        'version = 1\n[[package]]\nname = "long"\nversion = "0"\nsource = { virtual = "." }\n'
        'dependencies = [{ name = "pydantic" }]\n'
    )
    path = tmp_path / "lab_stages.toml"
    path.write_text(f'[[stages]]\nid = "a"\noutputs = ["v3"]\ncode = """\n{lines}\n"""\n')
    began = time.process_time()
    assert found(path) == []
    assert time.process_time() - began < 7


@pytest.mark.slow
def test_of_two_runs_at_one_time_the_later_one_is_the_last(lab: ALab) -> None:
    """As `runs show last` has it, whichever of them ends, and writes, last."""
    lab.write('[[stages]]\nid = "a"\ncode = "1"\n')
    first, second = (run_lab(LabRequest(lab.path, track=False), lab.workspace).run_id or "" for _ in range(2))
    with Store(lab.workspace) as store:
        write_back(store, first, lab.path, tell=print)
    (stage,) = read_lab_file(lab.path).lab.stages
    assert stage.last_run is not None
    assert stage.last_run.run == second
