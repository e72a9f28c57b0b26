"""Stages → notebook → stages is the identity, and what a person changes in between is what counts."""

from __future__ import annotations

import copy
import json
from datetime import UTC, timedelta, timezone
from itertools import combinations
from keyword import iskeyword
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agilab.contracts.lab_stages import Input, Lab, LabStages, Stage
from agilab.notebooks.inspecting import inspect
from agilab.notebooks.reading import read
from agilab.notebooks.supervisor.export import notebook_of, text
from agilab.notebooks.supervisor.header import Header, HeaderError, parse
from agilab.notebooks.supervisor.read_back import ReadBack, is_supervisor, read_back

IDS = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,12}", fullmatch=True)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(lambda name: not iskeyword(name))
WORDS = st.text(st.characters(codec="utf-8"), max_size=30)
FILES = st.sampled_from(["out/a.csv", "./x", "data/*.csv", "out/{k}.json"]) | WORDS.map(
    lambda text: f"f/{text}"
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)
ZONES = st.sampled_from([None, UTC, timezone(timedelta(hours=-3, minutes=-30))])
MOMENTS = st.dates() | (st.datetimes(timezones=ZONES) | st.times()).map(lambda one: one.replace(fold=0))
DATA = st.recursive(
    JSON | MOMENTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.just("$x"), inner, max_size=3),
    max_leaves=5,
)
INPUT = (
    NAMES
    | FILES
    | st.fixed_dictionaries({"name": NAMES | FILES, "from": IDS}, optional={"as": NAMES})
    | st.fixed_dictionaries({"name": NAMES, "as": NAMES})
)
COMMON = st.fixed_dictionaries(
    {},
    optional={
        "title": WORDS,
        "description": WORDS,
        "question": WORDS,
        "model": WORDS,
        "env": WORDS,
        "enabled": st.booleans(),
        "needs": st.lists(IDS, max_size=2),
        "uses": st.dictionaries(IDS, st.lists(NAMES, max_size=2), max_size=2),
        "inputs": st.lists(INPUT, max_size=3),
        "outputs": st.lists(NAMES | FILES, max_size=3),
        "foreach": st.dictionaries(NAMES, NAMES | st.lists(DATA, max_size=2), max_size=2),
        "require": st.sampled_from(["all", "any", 3, 0.5]),
        "cache": st.booleans(),
        "retries": st.integers(0, 5),
        "workdir": st.sampled_from(["", "notebooks", "a/b"]),
        "timeout": st.floats(0.1, 1e6),
        "tags": st.lists(WORDS.filter(bool), max_size=2),
        "origin": st.fixed_dictionaries(
            {"notebook": st.just("a.ipynb"), "cells": st.lists(st.just("c1"), max_size=2)}
        ),
        "extra": st.dictionaries(NAMES, JSON, max_size=2),
    },
)
LAST_LINES = (
    "x = 1",
    "def f(x):\n\treturn x",
    "class A:\n    y = 1\n\n    def f(self): ...",
    "@cached\ndef g():\n    pass",
    "@cached",
    "# a comment",
    "x = 1 + \\",
    'text = """\n# %%\n\n# %% [markdown]\n"""',
    "if x:\n    y = 2  ",
    "\x0cx = 1",
    "!ls -l \\",
    "%time x",
    "async def f():\n    await g()",
    "    ",
    "",
)
"""How code ends that people write: what a form may take for the end of a cell, or put blank lines behind."""
CODES = st.tuples(
    st.sampled_from(["", "\n", "\n\n\n", "import os\n\n\n", "'''Says what it is.'''\n"]),
    st.sampled_from(LAST_LINES),
    st.sampled_from(["", "\n", "\n\n", "\n\n\n", "\n    \n", "\n\t", "  \n", "\n\x0c\n"]),
    st.sampled_from(["\n", "\n", "\r\n"]),
).map(lambda parts: "".join(parts[:3]).replace("\n", parts[3]))
KINDS = (
    st.fixed_dictionaries({"code": st.text(st.characters(codec="utf-8"), max_size=60) | CODES})
    | st.fixed_dictionaries({"file": st.just("stages/x.py")})
    | st.fixed_dictionaries(
        {"app": st.sampled_from(["uav_queue_project", "../an app"])},
        optional={"args": st.dictionaries(NAMES, JSON, max_size=2)},
    )
    | st.just({"runtime": "none"})
    | st.just({})
)


@st.composite
def labs(draw: st.DrawFn) -> LabStages:
    ids = draw(st.lists(IDS, max_size=4, unique=True))
    stages = [Stage.model_validate({"id": name, **draw(COMMON), **draw(KINDS)}) for name in ids]
    lab = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "title": WORDS,
                "description": WORDS,
                "params": st.dictionaries(NAMES, DATA, max_size=3),
                "notebook": st.sampled_from(
                    [
                        {"colab": {"name": "x"}},
                        {"language_info": {"name": "python"}},
                        {"kernelspec": {"name": "x"}},
                    ]
                ),
                "extra": st.dictionaries(NAMES, JSON, max_size=2),
            },
        )
    )
    return LabStages(lab=Lab.model_validate(lab), stages=tuple(stages))


def said(document: LabStages) -> dict[str, Any]:
    """What a document says: defaults that nobody wrote are not part of it."""
    lab = document.lab.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    stages = [
        stage.model_dump(mode="json", by_alias=True, exclude_defaults=True) for stage in document.stages
    ]
    return {"lab": lab, "stages": stages}


def back(notebook: dict[str, Any]) -> ReadBack:
    return read_back(read(text(notebook).encode(), name="lab.ipynb"))


def check(document: LabStages) -> None:
    """A lab comes back as it was, in the order it had, and gives the same notebook again."""
    notebook = notebook_of(document)
    found = back(notebook)
    assert found.changes == ()
    assert said(found.document) == said(document)
    assert repr(found.document.lab.params) == repr(document.lab.params)  # dates too, and the order
    for one, other in zip(found.document.stages, document.stages, strict=True):
        assert repr(one.foreach) == repr(other.foreach)
        assert list(one.args) == list(other.args)
    assert text(notebook_of(found.document)) == text(notebook)


@pytest.mark.slow
@settings(max_examples=150)
@given(labs())
def test_stages_to_notebook_to_stages_is_the_identity(document: LabStages) -> None:
    check(document)


@pytest.mark.slow
def test_thousands_of_labs_come_back() -> None:
    """Plain chance makes labs a hundred times quicker than Hypothesis, and cannot make a failing one small."""
    random = Random(20_261_126)
    for _ in range(3_000):
        check(lab_by_chance(random))


LETTERS = "abcXYZ_09 -.,:=>\"'#%[]{}()/\\\n\t\r\u00e9\u2028\U0001f600"


def lab_by_chance(random: Random) -> LabStages:
    """A lab with a few stages whose every text may hold anything."""

    def words(limit: int = 20) -> str:
        return "".join(random.choices(LETTERS, k=random.randrange(limit)))

    def name() -> str:
        return random.choice("abcxyz") + "".join(random.choices("abc_09", k=random.randrange(6)))

    def plain(depth: int = 0) -> Any:
        kind = random.randrange(7 if depth < 2 else 5)
        if kind < 5:
            return (None, random.random() < 0.5, random.randrange(-99, 99), random.random(), words())[kind]
        items = [plain(depth + 1) for _ in range(random.randrange(3))]
        return items if kind == 5 else {name(): item for item in items}

    def some(make: Any, limit: int = 3) -> list[Any]:
        return [make() for _ in range(random.randrange(limit))]

    def path() -> str:
        return random.choice(["out/a.csv", "./x", f"f/{words()}", "out/{k}.json"])

    def taken() -> Any:
        bare = random.choice([name, path])()
        return random.choice([bare, {"name": bare, "from": name()}, {"name": bare, "as": name()}])

    stages = []
    for number in range(random.randrange(5)):
        kind = random.choice(
            [{"code": words(80)}, {"file": "s/x.py"}, {"app": "an app"}, {"runtime": "none"}, {}]
        )
        fields = {
            "title": words(),
            "description": words(60),
            "question": words(),
            "env": words(),
            "uses": {name(): some(name) for _ in range(random.randrange(2))},
            "inputs": some(taken),
            "outputs": some(random.choice([name, path])),
            "foreach": {name(): random.choice([name(), some(plain)]) for _ in range(random.randrange(3))},
            "args": {name(): plain() for _ in range(random.randrange(3))} if "app" in kind else {},
            "extra": {name(): plain() for _ in range(random.randrange(2))},
        }
        kept = {key: value for key, value in fields.items() if random.random() < 0.6}
        stages.append(Stage.model_validate({"id": f"s{number}", **kept, **kind}))
    lab = {
        "title": words(),
        "description": words(40),
        "params": {name(): plain() for _ in range(random.randrange(4))},
        "extra": {name(): plain() for _ in range(random.randrange(2))},
    }
    return LabStages(lab=Lab.model_validate(lab), stages=tuple(stages))


@settings(max_examples=60)
@given(labs(), st.randoms(use_true_random=False))
def test_moved_cells_move_their_stages_and_nothing_else(document: LabStages, random: Any) -> None:
    notebook = notebook_of(document)
    cells = notebook["cells"]
    head, tail = [c for c in cells if c["id"].startswith("lab-") and c["id"] != "lab-run"], [cells[-1]]
    pairs: list[list[Any]] = []
    for cell in cells[len(head) : -1]:
        if cell["cell_type"] == "markdown":
            pairs.append([cell])
        else:
            pairs[-1].append(cell)
    random.shuffle(pairs)
    found = back({**notebook, "cells": [*head, *(cell for pair in pairs for cell in pair), *tail]})
    order = [pair[0]["metadata"]["agilab"]["stage"] for pair in pairs]
    stood = [stage.id for stage in document.stages]
    kept = max(
        len(some)
        for count in range(len(order) + 1)
        for some in combinations(order, count)
        if sorted(some, key=stood.index) == list(some)
    )
    assert [change.kind for change in found.changes] == ["moved"] * (len(order) - kept), (
        "the fewest that say it"
    )
    others = [name for name in order if name not in {change.stage for change in found.changes}]
    assert others == sorted(others, key=stood.index)
    assert [stage.id for stage in found.document.stages] == order
    by_id = {stage["id"]: stage for stage in said(document)["stages"]}
    assert said(found.document)["stages"] == [by_id[name] for name in order]


@pytest.mark.slow
@given(labs())
def test_a_header_is_read_as_it_was_written(document: LabStages) -> None:
    for stage in document.stages:
        header = Header.of(stage)
        found = parse(header.line())
        assert found.fields() == header.fields()


def test_names_that_are_words_of_a_header_are_quoted_in_it() -> None:
    taken = Input(name="in", source="from", called="match")
    other = Input(name="?", called="optional")
    files = (Input(name="run_*.csv", optional=True), Input(name="a b?.csv", source="from", optional=True))
    header = Header("for", ("as", taken, other, *files), ("in", "?"), {"in": "for", "as": (1,)})
    assert parse(header.line()) == header


@pytest.mark.parametrize(
    "line",
    [
        "%%stage",
        "%%stage a: x,",
        "%%stage a: x y",
        "%%stage a -> , x",
        "%%stage a for x",
        "%%stage a: x from",
    ],
)
def test_a_wrong_header_says_what_was_expected(line: str) -> None:
    with pytest.raises(HeaderError, match="expected"):
        parse(line)


LAB = LabStages(
    lab=Lab(title="A study", params={"n": 3}),
    stages=(
        Stage(
            id="load",
            title="Load",
            description="From disk.",
            code="table = [n]\n",
            inputs=("n",),
            outputs=("table",),
        ),
        Stage(id="tell", title="Tell", code="len(table)", inputs=("table",), question="How many?"),
    ),
)


@pytest.fixture
def notebook() -> dict[str, Any]:
    return copy.deepcopy(notebook_of(LAB))


def cell(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [one for one in notebook["cells"] if one["id"] == name]
    return found


def told(found: ReadBack) -> list[tuple[str, str, str]]:
    return [(change.kind, change.stage, change.won) for change in found.changes]


def test_it_is_a_valid_notebook_that_people_can_read(notebook: dict[str, Any]) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbformat.validate(nbformat.from_dict(notebook))
    sources = ["".join(one["source"]) for one in notebook["cells"]]
    assert sources == [
        "# A study",
        "from agilab import Lab\n\nlab = Lab('lab_stages.toml')",
        "n = 3",
        "## Load\n\nFrom disk.",
        "%%stage load: n -> table\ntable = [n]",
        "## Tell",
        "%%stage tell: table\nlen(table)",
        "lab.run(n=n)",
    ]
    assert is_supervisor(read(json.dumps(notebook).encode()))


def test_edited_code_counts_and_is_told(notebook: dict[str, Any]) -> None:
    cell(notebook, "tell")["source"] = "%%stage tell: table\nsum(table)"
    found = back(notebook)
    assert told(found) == [("edited", "tell", "cell")]
    assert found.document.stages[1].code == "sum(table)"
    assert found.document.stages[1].question == "How many?"


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\n  \n"])
@pytest.mark.parametrize("line", ["\n", "\r\n"])
@pytest.mark.parametrize("typed", ["", "\n", "\n\n"])
def test_an_edited_cell_keeps_how_the_code_ended(end: str, line: str, typed: str) -> None:
    code = f"a = 1\nb = 2{end}".replace("\n", line)
    notebook = notebook_of(LabStages(stages=(Stage(id="s", code=code),)))
    source = "".join(cell(notebook, "s")["source"])
    assert source == "%%stage s\na = 1\nb = 2", "no blank line below, and line ends as editors make them"
    cell(notebook, "s")["source"] = source + typed
    as_it_was = back(notebook)
    cell(notebook, "s")["source"] = "%%stage s\na = 1\nb = 3\nc = 4" + typed
    edited = back(notebook)
    assert told(edited) == [("edited", "s", "cell")]
    if not end and line == "\n":  # nothing to keep: the text is as somebody typed it
        assert edited.document.stages[0].code == "a = 1\nb = 3\nc = 4" + typed
        return
    assert as_it_was.changes == ()
    assert as_it_was.document.stages[0].code == code
    assert edited.document.stages[0].code == f"a = 1\nb = 3\nc = 4{end}".replace("\n", line)


def test_a_notebook_of_before_whose_cells_end_as_the_code_does_comes_back(notebook: dict[str, Any]) -> None:
    load = cell(notebook, "load")
    del load["metadata"]["agilab"]["below"]
    load["source"] = "%%stage load: n -> table\ntable = [n]\n"
    found = back(notebook)
    assert found.changes == ()
    assert found.document == LAB


def test_where_the_first_line_and_metadata_differ_the_line_counts(notebook: dict[str, Any]) -> None:
    cell(notebook, "tell")["source"] = "%%stage count: table -> number\nlen(table)"
    found = back(notebook)
    assert told(found) == [("renamed", "count", "cell"), ("header", "count", "cell")]
    assert found.document.stages[1].id == "count"
    assert found.document.stages[1].outputs == ("number",)
    assert found.document.stages[1].title == "Tell"


def test_a_line_that_cannot_be_read_leaves_what_was_known(notebook: dict[str, Any]) -> None:
    cell(notebook, "tell")["source"] = "%%stage tell: table ->-> x\nlen(table) + 1"
    found = back(notebook)
    assert told(found) == [("unreadable", "tell", "metadata"), ("edited", "tell", "cell")]
    assert found.document.stages[1].inputs == ("table",)
    assert found.document.stages[1].code == "len(table) + 1"


def test_added_cells_become_stages_with_the_words_above_them(notebook: dict[str, Any]) -> None:
    new = [
        {"cell_type": "markdown", "id": "w", "metadata": {}, "source": "## Why\n\nBecause."},
        {
            "cell_type": "code",
            "id": "a",
            "metadata": {},
            "outputs": [],
            "source": "%%stage why: table -> y\ny = 1",
        },
        {"cell_type": "code", "id": "b", "metadata": {}, "outputs": [], "source": "z = 2"},
    ]
    notebook["cells"][5:5] = new
    found = back(notebook)
    assert [stage.id for stage in found.document.stages] == ["load", "why", "cell", "tell"]
    assert found.document.stages[1].description == "## Why\n\nBecause."
    assert found.document.stages[2].code == "z = 2"
    assert [change.kind for change in found.changes] == ["added"] * 3


def test_a_copied_cell_is_a_stage_of_its_own(notebook: dict[str, Any]) -> None:
    notebook["cells"].insert(5, copy.deepcopy(cell(notebook, "load")))
    found = back(notebook)
    assert [stage.id for stage in found.document.stages] == ["load", "load-2", "tell"]
    assert told(found) == [("copied", "load-2", "cell")]


def test_a_deleted_cell_is_a_stage_less_and_its_words_stay(notebook: dict[str, Any]) -> None:
    notebook["cells"].remove(cell(notebook, "load"))
    found = back(notebook)
    assert [(stage.id, stage.kind) for stage in found.document.stages] == [
        ("load", "none"),
        ("tell", "python"),
    ]
    assert found.document.stages[0].description == "From disk."


def test_params_titles_and_texts_are_taken_over(notebook: dict[str, Any]) -> None:
    cell(notebook, "lab-params")["source"] = "n = 5\nm = [1, 2]"
    cell(notebook, "lab-text")["source"] = "# Another study\n\nNew."
    cell(notebook, "load-text")["source"] = "## Load it\n\nFrom a disk."
    found = back(notebook)
    assert found.document.lab.params == {"n": 5, "m": [1, 2]}
    assert (found.document.lab.title, found.document.lab.description) == ("Another study", "New.")
    assert (found.document.stages[0].title, found.document.stages[0].description) == (
        "Load it",
        "From a disk.",
    )
    assert [kind for kind, _, _ in told(found)] == ["text", "params", "text", "left_out"]


def test_params_that_are_no_data_leave_what_was_known(notebook: dict[str, Any]) -> None:
    cell(notebook, "lab-params")["source"] = "n = open('x').read()"
    found = back(notebook)
    assert told(found) == [("unreadable", "", "metadata")]
    assert found.document.lab.params == {"n": 3}


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        ("\"edited\" + '2024-05-31'", "'edited' + '2024-05-31'"),
        ("{ 1,2 }", "{1, 2}"),
        ("{1: 'one'}", "{1: 'one'}"),
        ("{[1]: 2}", "{[1]: 2}"),
        ("[b'raw']", "[b'raw']"),
        ("1e999", "1e309"),  # an endless number: no JSON, no TOML of ours
        ("f(\n    'a',\n)", "f('a')"),
    ],
)
@pytest.mark.parametrize("where", ["lab-params", "queue"])
def test_what_is_no_data_is_named_with_its_line_as_python_spells_it(
    value: str, spelled: str, where: str
) -> None:
    stages = (Stage(id="queue", app="uav_queue_project", args={"n": 3}),)
    made = notebook_of(LabStages(lab=Lab(params={"n": 3}), stages=stages))
    cell(made, where)["source"] = "".join(cell(made, where)["source"]).replace("n = 3", f"m = 1\nn = {value}")
    found = back(made)
    (change,) = found.changes
    assert change.stayed_behind
    assert change.what.endswith(f"assignments of plain data: line 2, n: {spelled}")
    assert (found.document.lab.params, found.document.stages) == ({"n": 3}, stages)


def test_a_long_expression_is_told_by_its_beginning(notebook: dict[str, Any]) -> None:
    cell(notebook, "lab-params")["source"] = f"n = {' + '.join(map(str, range(500)))}"
    (change,) = [change for change in back(notebook).changes if change.stayed_behind]
    told = change.what.partition("line 1, n: ")[2]
    assert told.startswith("0 + 1 + 2 + 3")
    assert told.endswith(" …")
    assert len(told) <= 80


def test_what_other_tools_wrote_is_kept(notebook: dict[str, Any]) -> None:
    notebook["metadata"]["colab"] = {"provenance": []}
    assert back(notebook).document.lab.notebook == {"colab": {"provenance": []}}


JUPYTER_WRITES = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
        "version": "3.11.9",
    },
    "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {}, "version_major": 2}},
}
"""What JupyterLab 4 leaves in the metadata of a notebook that it ran."""


@pytest.mark.parametrize(
    "had", [{}, {"language_info": {"name": "python", "version": "3.9.1"}, "toc": {"n": 1}}]
)
def test_what_jupyter_writes_by_itself_changes_no_lab(had: dict[str, Any]) -> None:
    document = LabStages(lab=Lab(notebook=had), stages=(Stage(id="a", code="1"),))
    notebook = notebook_of(document)
    notebook["metadata"].update(JUPYTER_WRITES)
    found = back(notebook)
    assert found.document == document
    notebook["metadata"]["kernelspec"] = {"display_name": "xeus", "language": "python", "name": "xpython"}
    assert back(notebook).document.lab.notebook["kernelspec"]["name"] == "xpython", (
        "a kernel that somebody chose"
    )


def test_a_labs_notebook_is_looked_at_as_the_code_of_its_stages() -> None:
    code = "import numpy\n%%time\nopen('/etc/hostname').read()"
    document = LabStages(stages=(Stage(id="first", code="x = 1"), Stage(id="a", code=code)))
    found = inspect(text(notebook_of(document)).encode(), name="lab.ipynb")
    codes = {finding.code for finding in found.findings}
    assert codes.isdisjoint({"NB-111", "NB-202"}), "nothing is said of its own first lines and of agilab"
    assert found.distributions == ("numpy",)
    by_itself = inspect(_book("# a\n" + code), name="lab.ipynb")
    wanted = {(one.code, one.line) for one in by_itself.findings if one.cell is not None}
    assert wanted, "there is something to be said of that code"
    assert wanted <= {(one.code, one.line) for one in found.findings if one.cell is not None}


def _book(source: str) -> bytes:
    cell = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


# -- what goes is named, and what cannot be read stays --------------------------------------------------------------


def test_a_stage_whose_cells_are_both_gone_is_named(notebook: dict[str, Any]) -> None:
    notebook["cells"] = [one for one in notebook["cells"] if one["id"] not in ("load", "load-text")]
    found = back(notebook)
    assert told(found) == [("deleted", "load", "cell")]
    assert [stage.id for stage in found.document.stages] == ["tell"]


def test_a_code_cell_that_is_gone_or_empty_is_named_where_its_words_stand(notebook: dict[str, Any]) -> None:
    cell(notebook, "load")["source"] = " \n"
    found = back(notebook)
    (change,) = found.changes
    assert (change.kind, change.stage, change.cell) == ("deleted", "load", 3)
    assert found.stripped == {"load"}
    assert found.document.stages[0] == Stage(
        id="load", title="Load", description="From disk.", runtime="none"
    )


def test_the_only_stage_of_a_lab_is_named_when_it_is_gone() -> None:
    made = notebook_of(LabStages(stages=(Stage(id="a", code="1"),)))
    made["cells"] = [one for one in made["cells"] if one["id"] not in ("a", "a-text")]
    assert told(back(made)) == [("deleted", "a", "cell")]


def test_a_code_cell_that_is_moved_alone_takes_its_words_along(notebook: dict[str, Any]) -> None:
    cells = notebook["cells"]
    load = cell(notebook, "load")
    cells.remove(load)
    cells.insert(cells.index(cell(notebook, "tell")) + 1, load)
    found = back(notebook)
    assert [(one.kind) for one in found.changes] == ["moved"]
    by_id = {stage.id: stage for stage in found.document.stages}
    assert list(by_id) == ["tell", "load"]
    assert by_id == {stage.id: stage for stage in LAB.stages}


def test_words_stay_where_the_code_of_another_stage_was_moved_below_them(notebook: dict[str, Any]) -> None:
    cells = notebook["cells"]
    tell, mine = (
        cell(notebook, "tell"),
        {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "mine"},
    )
    cells.remove(tell)
    at = cells.index(cell(notebook, "load"))
    cells[at : at + 1] = [mine, tell]
    found = back(notebook)
    assert found.document.stages == (
        Stage(id="load", title="Load", description="From disk.", runtime="none"),
        LAB.stages[1].with_changes(description="mine"),
    )
    assert ("deleted", "load", "cell") in told(found)
    assert found.stripped == {"load"}


def test_added_markdown_is_told_by_what_became_of_it(notebook: dict[str, Any]) -> None:
    def words(source: str) -> dict[str, Any]:
        return {"cell_type": "markdown", "id": source, "metadata": {}, "source": source}

    cells = notebook["cells"]
    cells.insert(cells.index(cell(notebook, "load")), words("mine"))
    cells.insert(cells.index(cell(notebook, "tell-text")), words("between"))
    found = back(notebook)
    assert [(change.stage, change.what) for change in found.changes] == [
        ("load", "markdown, which goes into its description"),
        ("text", "a stage of text"),
    ]
    assert [(stage.id, stage.description) for stage in found.document.stages] == [
        ("load", "From disk.\n\nmine"),
        ("text", "between"),
        ("tell", ""),
    ]


@pytest.mark.parametrize(
    ("gone", "kind"), [("load-text", "text"), ("lab-text", "text"), ("lab-params", "params")]
)
def test_words_and_params_whose_cell_is_gone_stay_and_that_is_told(
    gone: str, kind: str, notebook: dict[str, Any]
) -> None:
    notebook["cells"].remove(cell(notebook, gone))
    found = back(notebook)
    assert [(change.kind, change.won) for change in found.changes] == [(kind, "metadata")]
    assert found.document == LAB


@pytest.mark.parametrize("line", ["%%stage tell it: table", "%%stage 7: table", "%%stage tell for x in [1"])
def test_a_first_line_that_makes_no_stage_leaves_the_stage_and_takes_the_code(
    line: str, notebook: dict[str, Any]
) -> None:
    cell(notebook, "tell")["source"] = f"{line}\nsum(table)"
    found = back(notebook)
    assert [change.kind for change in found.changes if change.stayed_behind], "and somebody is told"
    assert found.document.stages[1] == LAB.stages[1].with_changes(code="sum(table)")


def test_an_app_whose_first_line_somebody_took_away_stays() -> None:
    stages = (Stage(id="queue", app="uav_queue_project", args={"n": 3}),)
    made = notebook_of(LabStages(stages=stages))
    cell(made, "queue")["source"] = "n = 4"
    found = back(made)
    assert found.document.stages == stages
    assert any(change.stayed_behind for change in found.changes)


def test_code_below_a_stage_that_lies_in_a_file_is_not_dropped_without_a_word() -> None:
    document = LabStages(stages=(Stage(id="a", file="code/a.py"),))
    made = notebook_of(document)
    cell(made, "a")["source"] = "".join(cell(made, "a")["source"]) + "\nx = 1"
    found = back(made)
    assert found.document == document
    (change,) = found.changes
    assert change.stayed_behind
    assert change.what == "what stands below its first line: its code is in code/a.py"


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ('from agilab import Lab\n\nlab = Lab("lab_stages.toml")\n', []),
        ("from agilab import Lab\n\nlab = Lab('lab_stages.toml')\nimport pandas", ["left_out"]),
    ],
)
def test_what_somebody_adds_to_the_cell_that_opens_the_lab_is_told(
    source: str, kinds: list[str], notebook: dict[str, Any]
) -> None:
    cell(notebook, "lab-open")["source"] = source
    assert [change.kind for change in back(notebook).changes] == kinds


def test_a_value_of_another_kind_is_an_edit(notebook: dict[str, Any]) -> None:
    made = notebook_of(LAB.with_changes(lab=Lab(title="A study", params={"n": 1})))
    cell(made, "lab-params")["source"] = "n = True"
    found = back(made)
    assert told(found) == [("params", "", "cell")]
    assert found.document.lab.params["n"] is True
