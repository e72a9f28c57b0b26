"""Rules about what stages give."""

from __future__ import annotations

from agilab.workflow.judging.rules.rule import Rule, lab

OUTPUTS = (
    Rule(
        "AGI-STAGE-020",
        "warning",
        name="An output that is named twice",
        why="It is one output however often it is named.",
        mend="Take one away.",
        bad=lab("""
            [[stages]]
            id = "load"
            code = "table = 1"
            outputs = ["table", "table"]
        """),
        good=lab("""
            [[stages]]
            id = "load"
            code = "table = 1"
            outputs = ["table"]
        """),
    ),
    Rule(
        "AGI-STAGE-021",
        "error",
        name="Two stages that write one file",
        why="Which of the two a reader of the results gets would be chance.",
        mend="Give one of them another path, or let the second take the file as an input and change it.",
        bad=lab("""
            [[stages]]
            id = "a"
            code = "open('out.csv', 'w')"
            outputs = ["out.csv"]

            [[stages]]
            id = "b"
            code = "open('out.csv', 'w')"
            outputs = ["./out.csv"]
        """),
        good=lab("""
            [[stages]]
            id = "a"
            code = "open('out.csv', 'w')"
            outputs = ["out.csv"]

            [[stages]]
            id = "b"
            code = "open('out.csv', 'a')"
            inputs = ["out.csv"]
            outputs = ["out.csv"]
        """),
    ),
    Rule(
        "AGI-STAGE-022",
        "error",
        name="One path for the files of many units",
        why=(
            "A stage with foreach writes this file once for each item, and each would replace the one before."
        ),
        mend='Name the item in the path: outputs = ["out/{city}.csv"].',
        bad=lab("""
            [[stages]]
            id = "each"
            code = "open('out/one.csv', 'w')"
            outputs = ["out/one.csv"]
            foreach = { city = ["paris", "nice"] }
        """),
        good=lab("""
            [[stages]]
            id = "each"
            code = "open(f'out/{city}.csv', 'w')"
            outputs = ["out/{city}.csv"]
            foreach = { city = ["paris", "nice"] }
        """),
    ),
    Rule(
        "AGI-STAGE-023",
        "warning",
        name="A path with a name that no foreach has",
        why=(
            "`{name}` in an output stands for the item of that name; here it stays as it is, braces and all."
        ),
        mend="Name an item of this stage's foreach, or write the path out.",
        bad=lab("""
            [[stages]]
            id = "a"
            code = "open('out/{city}.csv', 'w')"
            outputs = ["out/{city}.csv"]
        """),
        good=lab("""
            [[stages]]
            id = "a"
            code = "open('out/city.csv', 'w')"
            outputs = ["out/city.csv"]
        """),
    ),
    Rule(
        "AGI-STAGE-024",
        "error",
        name="An output that the code never makes",
        why="At its end the stage would fail: no statement binds this name.",
        mend="Assign it, or take it out of the outputs.",
        bad=lab("""
            [[stages]]
            id = "load"
            code = "tabel = 1"
            outputs = ["table"]
        """),
        good=lab("""
            [[stages]]
            id = "load"
            code = "table = 1"
            outputs = ["table"]
        """),
    ),
)
