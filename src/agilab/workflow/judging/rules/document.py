"""Rules about the document, the picture beside it, and who has to wait for whom."""

from __future__ import annotations

from agilab.workflow.judging.rules.rule import Rule, lab

DOCUMENT = (
    Rule(
        "AGI-STAGE-001",
        "error",
        name="The file is no document of stages",
        why="It is not TOML, or another document. Nothing in it can be read, so nothing else is checked.",
        mend="Mend the line that is named; most often a quote or a bracket is missing.",
        bad=lab("""
            [[stages]]
            id = "load
        """),
        good=lab("""
            [[stages]]
            id = "load"
        """),
    ),
    Rule(
        "AGI-STAGE-002",
        "error",
        name="A field that is not one, or a value that cannot stand there",
        why=(
            "A field with a slip of the pen would be ignored by a lenient reader, and what you meant "
            "would not happen. Numbers out of range (retries below 0, a timeout of 0) are found here too."
        ),
        mend="Use the field that is named; `agilab schema show lab_stages` has them all.",
        bad=lab("""
            [[stages]]
            id = "load"
            code = "1"
            retrys = 3
        """),
        good=lab("""
            [[stages]]
            id = "load"
            code = "1"
            retries = 3
        """),
    ),
    Rule(
        "AGI-STAGE-003",
        "error",
        name="Fields that contradict each other",
        why=(
            "Each is right by itself, and together they say two things: two stages of one id, code and an "
            "app at once."
        ),
        mend="Keep one of them.",
        bad=lab("""
            [[stages]]
            id = "load"
            code = "1"

            [[stages]]
            id = "load"
            code = "2"
        """),
        good=lab("""
            [[stages]]
            id = "load"
            code = "1"

            [[stages]]
            id = "clean"
            code = "2"
        """),
    ),
    Rule(
        "AGI-STAGE-004",
        "note",
        name="A file of version 1",
        why="It is read, drawn and judged like any other, and never edited.",
        mend=(
            "`agilab workflow migrate FILE` makes a file of version 2 of it, says what it did, and keeps "
            "the old one."
        ),
        bad=lab("""
            [__meta__]
            schema = "agilab.lab_stages.v1"
            version = 1

            [[flight]]
            id = "load"
            C = "x = 1"
        """),
        good=lab("""
            [[stages]]
            id = "load"
            code = "x = 1"
        """),
    ),
    Rule(
        "AGI-STAGE-005",
        "error",
        name="Stages that wait for each other",
        why="Each needs what another of them makes, so none can begin.",
        mend="Take one of the arrows away, or let a stage make something under a new name.",
        bad=lab("""
            [[stages]]
            id = "a"
            code = "x = y"
            inputs = ["y"]
            outputs = ["x"]

            [[stages]]
            id = "b"
            code = "y = x"
            inputs = ["x"]
            outputs = ["y"]
        """),
        good=lab("""
            [[stages]]
            id = "a"
            code = "x = 1"
            outputs = ["x"]

            [[stages]]
            id = "b"
            code = "y = x"
            inputs = ["x"]
            outputs = ["y"]
        """),
    ),
    Rule(
        "AGI-STAGE-006",
        "error",
        name="A stage that is not there",
        why="`needs` or `from` names a stage that the document does not have.",
        mend="Write its id as it stands in the document.",
        bad=lab("""
            [[stages]]
            id = "load"
            code = "table = [1, 2]"
            outputs = ["table"]

            [[stages]]
            id = "show"
            code = "table"
            inputs = [{ name = "table", from = "lod" }]
        """),
        good=lab("""
            [[stages]]
            id = "load"
            code = "table = [1, 2]"
            outputs = ["table"]

            [[stages]]
            id = "show"
            code = "table"
            inputs = [{ name = "table", from = "load" }]
        """),
    ),
    Rule(
        "AGI-STAGE-007",
        "error",
        name="A stage that does not run",
        why="`needs` or `from` names a stage that is disabled, or only text: it will never be done.",
        mend="Enable it, or take what you need from another one.",
        bad=lab("""
            [[stages]]
            id = "load"
            enabled = false
            code = "table = [1, 2]"
            outputs = ["table"]

            [[stages]]
            id = "show"
            code = "1"
            needs = ["load"]
        """),
        good=lab("""
            [[stages]]
            id = "load"
            code = "table = [1, 2]"
            outputs = ["table"]

            [[stages]]
            id = "show"
            code = "1"
            needs = ["load"]
        """),
    ),
    Rule(
        "AGI-STAGE-009",
        "error",
        name="A stage that needs itself",
        why="It would have to be done before it can begin.",
        mend="Name another stage.",
        bad=lab("""
            [[stages]]
            id = "load"
            code = "1"
            needs = ["load"]
        """),
        good=lab("""
            [[stages]]
            id = "load"
            code = "1"
        """),
    ),
    Rule(
        "AGI-STAGE-060",
        "warning",
        name="A picture that shows something else",
        why=("`pipeline_view.dot` was drawn by hand and does not show the stages, or not what follows what."),
        mend="Edit the picture, or make it anew: agilab workflow view --output pipeline_view.dot --force.",
        bad=lab("""
            [[stages]]
            id = "load"
            code = "table = [1, 2]"
            outputs = ["table"]

            [[stages]]
            id = "show"
            code = "table"
            inputs = ["table"]
        """),
        good=lab("""
            [[stages]]
            id = "load"
            code = "table = [1, 2]"
            outputs = ["table"]

            [[stages]]
            id = "plan"
            code = "table"
            inputs = ["table"]
        """),
        files={"pipeline_view.dot": "digraph { load -> plan }\n"},
    ),
    Rule(
        "AGI-STAGE-061",
        "warning",
        name="A picture that cannot be read",
        why="`pipeline_view.dot` is no directed graph in the language of graphviz.",
        mend=(
            "Mend the line that is named, or make it anew: agilab workflow view --output pipeline_view.dot --force."
        ),
        bad=lab("""
            [[stages]]
            id = "load"
            code = "1"
        """),
        good="",
        files={"pipeline_view.dot": "digraph { load -> }\n"},
    ),
)
