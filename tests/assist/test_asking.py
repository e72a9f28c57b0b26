"""From a question to the lab's file and back: what is shown is what is written, and nothing else changes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from agi_node.artifacts import Staging
from agi_node.errors import AgiError
from agi_node.handover import hand_over
from agilab.assist.accepting import accept, undo
from agilab.assist.asking import Wish, prepare
from agilab.assist.data.inputs import left_in
from agilab.assist.keeping import ReplayProvider, kept
from agilab.assist.offline.provider import OfflineProvider
from agilab.assist.openai_server import OpenAIServer
from agilab.assist.prompt import Prompt
from agilab.assist.proposal import Outcome, Proposal, propose, tried
from agilab.assist.providers import Answer, AssistProvider
from agilab.assist.server import Patience
from agilab.contracts.base import read_document
from agilab.contracts.canonical import sha256_bytes
from agilab.contracts.lab_stages import LabStages, Stage
from tests.assist.chat_server import serving, streams

LAB = """\
schema = "agilab.lab_stages.v2"

[lab]
title = "Prices"  # of all cities

# where it begins
[[stages]]
id = "load"
inputs = ["prices.csv"]
outputs = ["prices"]
code = '''
import polars as pl

prices = pl.read_csv("prices.csv")
'''

[[stages]]
id = "clean"     # the one that matters
title = "Clean prices"
inputs = ["prices", { name = "limit" }]
outputs = ["good", "out/good.csv"]
question = "what was there before"
model = "a person"

[[stages]]
id = "apart"
file = "apart.py"
outputs = ["n"]

[[stages]]
id = "fly"
app = "flight"
"""
PLANTED = "Planted Person"


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "lab_stages.toml").write_text(LAB, encoding="utf-8")
    (folder / "prices.csv").write_text(f"who,price\n{PLANTED},3.5\nx,\n", encoding="utf-8")
    (folder / "apart.py").write_text("n = 1\n", encoding="utf-8")
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "x"\ndependencies = ["polars>=1"]\n', encoding="utf-8"
    )
    return folder / "lab_stages.toml"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def ask(
    lab: Path, home: Path, stage: str, question: str, provider: AssistProvider | None = None, **more: object
) -> Proposal:
    asked = prepare(lab, Wish(stage, question, **more), left_in(home / "runs"))  # type: ignore[arg-type]  # a wish
    return propose(asked, provider or OfflineProvider(), lambda piece: None, home)


def test_undo_brings_back_code_that_was_there_and_empty(lab: Path, home: Path) -> None:
    before = LAB.replace('model = "a person"\n', 'model = "a person"\ncode = ""\n')
    lab.write_text(before, encoding="utf-8")

    accept(ask(lab, home, "clean", "top 3 by price"), home)
    undo(lab, "clean", home)

    assert lab.read_text(encoding="utf-8") == before


def test_the_mark_and_the_line_ends_of_a_file_are_nobody_s_answer(lab: Path, home: Path) -> None:
    beside = lab.parent / "apart.py"
    written = b"\xef\xbb\xbfn = 1\r\n"
    beside.write_bytes(written)

    accept(ask(lab, home, "apart", "as given", Says("m = 2\nn = m\n")), home)

    assert beside.read_bytes() == b"\xef\xbb\xbfm = 2\r\nn = m\r\n"
    undo(lab, "apart", home)
    assert beside.read_bytes() == written


class Says:
    """Answers with one text: a provider like any other."""

    name = "openai"

    def __init__(self, text: str) -> None:
        self.text = text
        self.prompts: list[Prompt] = []

    def answer(self, prompt: Prompt, hear: Callable[[str], None]) -> Answer:
        self.prompts.append(prompt)
        return Answer(self.text, model="small-1")


def test_an_accepted_answer_changes_its_stage_and_nothing_else(lab: Path, home: Path) -> None:
    proposal = ask(lab, home, "load", "keep rows where price > 3")
    assert lab.read_text(encoding="utf-8") == LAB  # nothing before it is accepted

    accept(proposal, home)

    text = lab.read_text(encoding="utf-8")
    for line in (
        "# of all cities",
        "# where it begins",
        "# the one that matters",
        'question = "what was there before"',
    ):
        assert line in text
    document = read_document(lab, LabStages)
    before = LabStages.model_validate(__import__("tomllib").loads(LAB))
    assert document.stages[1:] == before.stages[1:]
    stage = document.stages[0]
    assert stage.code == proposal.code
    assert (stage.question, stage.model) == ("keep rows where price > 3", "offline")
    assert stage.origin is not None
    assert (stage.origin.mode, stage.origin.prompt_digest) == ("generated", proposal.asked.prompt.digest)
    assert stage.origin.digest == sha256_bytes(proposal.code.encode())


def test_the_accepted_code_does_what_was_asked(
    lab: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal = ask(lab, home, "load", "keep rows where price is missing")
    monkeypatch.chdir(lab.parent)
    space: dict[str, object] = {}

    exec(proposal.code, space)

    assert space["prices"].rows() == [("x", None)]  # type: ignore[attr-defined]  # a frame of polars
    assert proposal.sound


def test_the_difference_is_that_of_the_code(lab: Path, home: Path) -> None:
    proposal = ask(lab, home, "load", "top 1 by price")

    assert proposal.diff[:2] == ["--- load (now)", "+++ load (proposed)"]
    assert '-prices = pl.read_csv("prices.csv")' in proposal.diff
    assert "+prices = prices.head(1)" in proposal.diff


def test_undo_brings_back_what_was_there(lab: Path, home: Path) -> None:
    accept(ask(lab, home, "load", "top 1 by price"), home)
    accept(ask(lab, home, "load", "top 2 by price"), home)

    undo(lab, "load", home)
    assert read_document(lab, LabStages).stages[0].question == "top 1 by price"
    undo(lab, "load", home)

    assert read_document(lab, LabStages) == LabStages.model_validate(__import__("tomllib").loads(LAB))
    with pytest.raises(AgiError, match="no answer in stage 'load' that can be undone"):
        undo(lab, "load", home)


def test_undo_leaves_alone_what_was_edited_since(lab: Path, home: Path) -> None:
    accept(ask(lab, home, "load", "top 1 by price"), home)
    lab.write_text(lab.read_text(encoding="utf-8").replace("head(1)", "head(2)"), encoding="utf-8")

    with pytest.raises(AgiError, match="can be undone") as caught:
        undo(lab, "load", home)

    assert caught.value.found == "code that was edited since"


def test_a_lab_that_changed_meanwhile_is_not_overwritten(lab: Path, home: Path) -> None:
    proposal = ask(lab, home, "load", "top 1 by price")
    lab.write_text(LAB + "# somebody else\n", encoding="utf-8")

    with pytest.raises(AgiError, match="was changed while the answer was on its way") as caught:
        accept(proposal, home)

    assert caught.value.code == "AGI-ASSIST-062"
    assert lab.read_text(encoding="utf-8") == LAB + "# somebody else\n"


def test_a_stage_whose_code_is_a_file_keeps_it_there(lab: Path, home: Path) -> None:
    accept(ask(lab, home, "apart", "count", Says("```python\nn = 2\n```")), home)

    assert (lab.parent / "apart.py").read_text(encoding="utf-8") == "n = 2\n"
    assert read_document(lab, LabStages).stages[2].code is None
    undo(lab, "apart", home)
    assert (lab.parent / "apart.py").read_text(encoding="utf-8") == "n = 1\n"


def test_more_steps_go_after_the_code_that_is_there(lab: Path, home: Path) -> None:
    proposal = ask(lab, home, "load", "top 1 by price", append=True)

    assert proposal.code == (
        "import polars as pl\n"
        "\n"
        'prices = pl.read_csv("prices.csv")\n'
        "\n"
        "prices = prices.fill_nan(None)  # NaN is a missing value too\n"
        'prices = prices.sort("price", descending=True, nulls_last=True, maintain_order=True)\n'
        "prices = prices.head(1)\n"
    )


def test_outputs_that_are_files_are_written(lab: Path, home: Path) -> None:
    proposal = ask(lab, home, "clean", "keep rows where price > 3")

    assert proposal.code.splitlines()[-1] == 'good.write_csv("out/good.csv")'
    assert proposal.findings == ()


def test_code_is_checked_and_a_finding_needs_a_person(lab: Path, home: Path) -> None:
    code = "import os\nos.system('true')\ngood = prise\ngood.write_csv('out/good.csv')\n"

    proposal = ask(lab, home, "clean", "do it", Says(f"```python\n{code}```"))

    assert [(one.code, one.line) for one in proposal.findings] == [("ASK-003", 2), ("ASK-002", 3)]
    assert not proposal.sound


def test_a_trial_that_fails_makes_it_unsound_and_sees_the_code_inline(lab: Path, home: Path) -> None:
    proposal = ask(lab, home, "apart", "count", Says("```python\nn = 2\n```"))
    seen: list[Stage] = []

    def try_out(stage: Stage) -> Outcome:
        seen.append(stage)
        return Outcome(False, "no")

    assert proposal.sound
    assert not tried(proposal, try_out).sound
    assert not tried(proposal, lambda stage: Outcome(None, "no environment")).sound
    assert (seen[0].code, seen[0].file) == ("n = 2\n", None)


def test_what_cannot_be_tried_is_sound_where_its_steps_were_checked_against_known_columns(
    lab: Path, home: Path
) -> None:
    def untried(stage: str) -> Proposal:
        return tried(ask(lab, home, stage, "top 3 by price"), lambda stage: Outcome(None, "no environment"))

    assert untried("load").sound
    assert not untried("clean").sound  # of its table nothing is known before the first run


def test_what_was_answered_is_given_again_to_the_same_prompt(lab: Path, home: Path) -> None:
    with serving(streams("```python\ngood = prices\ngood.write_csv('out/good.csv')\n```")) as server:
        provider = OpenAIServer(server.url, "small-1", patience=Patience(tries=1))
        first = ask(lab, home, "clean", "as it is", provider)

    again = ask(lab, home, "clean", "as it is", ReplayProvider(home))

    assert (again.code, again.answer.model) == (first.code, "small-1")
    (exchange,) = kept(home, first.asked.prompt.digest)
    assert exchange.response_digest == sha256_bytes(first.answer.text.encode())
    assert [message.plain() for message in exchange.messages] == server.asked[0]["body"]["messages"]
    with pytest.raises(AgiError, match="no answer to this prompt is kept"):
        ask(lab, home, "clean", "as it is!", ReplayProvider(home))


def test_no_row_leaves_without_consent(lab: Path, home: Path) -> None:
    provider = Says("```python\nprices = 1\n```")
    ask(lab, home, "load", "x", provider)
    silent = provider.prompts[0]
    ask(lab, home, "load", "x", provider, send_rows=1)
    told = provider.prompts[1]

    assert PLANTED not in json.dumps([message.plain() for message in silent.messages])
    assert PLANTED in told.messages[-1].content
    assert "'price': float, from 3.5 to 3.5, 50% missing" in silent.messages[-1].content
    (exchange,) = kept(home, silent.digest)
    assert PLANTED not in exchange.text()


def test_the_key_is_in_no_file_and_no_error(lab: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk-planted-0b1c2d"
    monkeypatch.setenv("ASSIST_TEST_KEY", key)
    with serving(streams("```python\nprices = 1\n```")) as server:
        proposal = ask(lab, home, "load", "x", OpenAIServer(server.url, "small-1", "env:ASSIST_TEST_KEY"))
    accept(proposal, home)

    assert server.asked[0]["headers"]["Authorization"] == f"Bearer {key}"
    written = [path for root in (lab.parent, home) for path in root.rglob("*") if path.is_file()]
    assert len(written) >= 4
    assert not [path for path in written if key in path.read_text(encoding="utf-8")]
    assert key not in json.dumps(proposal.to_plain()) + repr(proposal)


def test_the_same_question_is_the_same_prompt(lab: Path, home: Path) -> None:
    wish = Wish("load", "top 1 by price")

    first, second = (prepare(lab, wish, left_in(home)).prompt for _ in range(2))

    assert first.digest == second.digest
    assert prepare(lab, Wish("load", "top 2 by price"), left_in(home)).prompt.digest != first.digest


def test_the_app_has_words_of_its_own(lab: Path, home: Path) -> None:
    (lab.parent / "pre_prompt.md").write_text("Prices are in euros.\n", encoding="utf-8")
    asked = prepare(lab, Wish("load", "x"), left_in(home))
    assert [message.content for message in asked.prompt.messages][1] == "Prices are in euros."

    (lab.parent / "pre_prompt.md").unlink()
    (lab.parent / "pre_prompt.json").write_text('[{"role": "user", "content": "Hi"}]', encoding="utf-8")
    assert prepare(lab, Wish("load", "x"), left_in(home)).prompt.messages[1].content == "Hi"

    (lab.parent / "pre_prompt.json").write_text('[{"role": "robot"}]', encoding="utf-8")
    with pytest.raises(AgiError, match="pre_prompt.json cannot be used"):
        prepare(lab, Wish("load", "x"), left_in(home))


@pytest.mark.parametrize(
    ("stage", "question", "what"),
    [
        ("clan", "x", "has no stage 'clan'"),
        ("fly", "x", "has no code to write"),
        ("load", "  ", "nothing is asked"),
    ],
)
def test_what_cannot_be_asked_is_refused(lab: Path, home: Path, stage: str, question: str, what: str) -> None:
    with pytest.raises(AgiError, match=what) as caught:
        prepare(lab, Wish(stage, question), left_in(home))

    assert caught.value.code == "AGI-ASSIST-060"


@pytest.mark.parametrize(("rows", "cut"), [(1_000, []), (1_001, ["n"])])
def test_a_trial_says_which_tables_it_saw_a_part_of(lab: Path, home: Path, rows: int, cut: list[str]) -> None:
    run = "20261123-034412371-lab-7k3f2q"
    last = f'last_run = {{ run = "{run}", status = "succeeded", at = "2026-11-23T03:44:12Z" }}'
    user = '[[stages]]\nid = "use"\ninputs = ["n", "prices.csv"]\noutputs = ["m"]\n'
    lab.write_text(LAB.replace('file = "apart.py"', f'file = "apart.py"\n{last}') + user, encoding="utf-8")
    staging = Staging(home / "staging")
    hand_over("n", pl.DataFrame({"x": range(rows)}), staging, "n")
    shutil.copytree(staging.folder / "artifacts", home / "runs" / run / "artifacts" / "apart")

    asked = prepare(lab, Wish("use", "top 3 by x"), left_in(home / "runs"))

    assert asked.longer_than(1_000) == cut


def test_a_file_outside_the_lab_is_not_touched(lab: Path, home: Path) -> None:
    lab.write_text(LAB.replace('"apart.py"', '"../apart.py"'), encoding="utf-8")

    with pytest.raises(AgiError, match="the file of stage 'apart' cannot be read"):
        prepare(lab, Wish("apart", "x"), left_in(home))


@pytest.mark.parametrize(
    ("code", "dependencies", "library"),
    [
        ("import pandas as pd", "polars", "pandas"),
        ("", "pandas", "pandas"),
        ("", "polars", "polars"),
        ("from polars import col", "pandas", "polars"),
    ],
)
def test_the_library_is_the_one_that_the_stage_uses(
    lab: Path, home: Path, code: str, dependencies: str, library: str
) -> None:
    lab.write_text(f'[[stages]]\nid = "a"\ncode = "{code}"\n', encoding="utf-8")
    (lab.parent / "pyproject.toml").write_text(
        f'[project]\nname = "x"\ndependencies = ["{dependencies}>=1"]\n', encoding="utf-8"
    )

    assert prepare(lab, Wish("a", "x"), left_in(home)).prompt.library == library


TWO_LIBRARIES = """\
[[stages]]
id = "load"
outputs = ["n", "pf", "df"]
code = '''
import pandas as pd
import polars as pl

n = 3
pf = pl.read_csv("prices.csv").head(9)
df = pf.to_pandas()
'''
LAST

[[stages]]
id = "use"
inputs = INPUTS
outputs = ["good"]
"""
LAST = (
    'last_run = { run = "20261123-034412371-lab-7k3f2q", status = "succeeded", at = "2026-11-23T03:44:12Z" }'
)


@pytest.mark.parametrize(
    ("inputs", "library"),
    [
        ('["pf"]', "polars"),
        ('["df"]', "pandas"),
        ('["n", "df", "pf"]', "pandas"),
        ('["n", { name = "pf", as = "prices" }, "prices.csv"]', "polars"),
    ],
)
@pytest.mark.parametrize("has_run", [False, True])
@pytest.mark.parametrize("dependencies", ["pandas", "polars"])
def test_the_library_is_that_of_the_table_that_is_taken(
    lab: Path, home: Path, inputs: str, library: str, has_run: bool, dependencies: str
) -> None:
    text = TWO_LIBRARIES.replace("INPUTS", inputs).replace("LAST", LAST if has_run else "")
    if has_run:  # what the run left says it by itself
        text = text.replace('pl.read_csv("prices.csv").head(9)', "made()").replace("pf.to_pandas()", "made()")
        staging = Staging(home / "staging")
        frame = pl.DataFrame({"price": [1.5], "who": ["x"]})
        hand_over("pf", frame, staging, "pf")
        hand_over("df", frame.to_pandas(), staging, "df")
        run = home / "runs" / "20261123-034412371-lab-7k3f2q" / "artifacts" / "load"
        shutil.copytree(staging.folder / "artifacts", run)
    lab.write_text(text, encoding="utf-8")
    (lab.parent / "pyproject.toml").write_text(
        f'[project]\nname = "x"\ndependencies = ["{dependencies}>=1"]\n', encoding="utf-8"
    )

    asked = prepare(lab, Wish("use", "top 1 by price"), left_in(home / "runs"))

    assert asked.prompt.library == library


def test_what_a_stage_imports_itself_comes_before_what_it_takes(lab: Path, home: Path) -> None:
    text = TWO_LIBRARIES.replace("INPUTS", '["pf"]\ncode = "import pandas as pd"').replace("LAST", "")
    lab.write_text(text, encoding="utf-8")

    assert prepare(lab, Wish("use", "x"), left_in(home)).prompt.library == "pandas"
    both = text.replace('as pd"', 'as pd\\nimport polars as pl"')
    lab.write_text(both, encoding="utf-8")
    assert prepare(lab, Wish("use", "x"), left_in(home)).prompt.library == "polars"


def test_a_recipe_reads_the_file_that_it_works_on(
    lab: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = lab.read_text(encoding="utf-8").replace('outputs = ["prices"]', 'outputs = ["train", "test"]')
    lab.write_text(text, encoding="utf-8")
    proposal = ask(lab, home, "load", "split into train and test with 50 % test")
    assert proposal.findings == ()
    monkeypatch.chdir(lab.parent)
    names: dict[str, object] = {}
    exec(proposal.code, names)
    assert [len(names[name]) for name in ("train", "test")] == [1, 1]  # type: ignore[arg-type]  # tables
