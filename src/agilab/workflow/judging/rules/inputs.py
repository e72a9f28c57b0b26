"""Rules about the values that stages take."""

from __future__ import annotations

from agilab.workflow.judging.rules.rule import Rule, lab

INPUTS = (
    Rule(
        "AGI-STAGE-008",
        "error",
        name="An input that its stage does not give",
        why="`from` names a stage that does not have this among its outputs.",
        mend="Add it to the outputs of that stage, or name the one that gives it.",
        bad=lab("""
            [[stages]]
            id = "load"
            code = "table = [1, 2]"
            outputs = ["table"]

            [[stages]]
            id = "show"
            code = "rows"
            inputs = [{ name = "rows", from = "load" }]
        """),
        good=lab("""
            [[stages]]
            id = "load"
            code = "table = [1, 2]"
            outputs = ["table"]

            [[stages]]
            id = "show"
            code = "rows"
            inputs = [{ name = "table", from = "load", as = "rows" }]
        """),
    ),
    Rule(
        "AGI-STAGE-010",
        "error",
        name="A value that nothing makes",
        why="No enabled stage has it among its outputs, and it is none of the lab's params.",
        mend="Add it to the outputs of the stage that makes it, or to [lab.params].",
        bad=lab("""
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
            id = "show"
            code = "table"
            inputs = ["table"]
        """),
    ),
    Rule(
        "AGI-STAGE-012",
        "error",
        name="An input that several stages below make",
        why="No stage above makes it, and of those below nothing says which one is meant.",
        mend='Say it: inputs = [{ name = "table", from = "b" }].',
        bad=lab("""
            [[stages]]
            id = "show"
            code = "x"
            inputs = ["x"]

            [[stages]]
            id = "a"
            code = "x = 1"
            outputs = ["x"]

            [[stages]]
            id = "b"
            code = "x = 2"
            outputs = ["x"]
        """),
        good=lab("""
            [[stages]]
            id = "show"
            code = "x"
            inputs = [{ name = "x", from = "b" }]

            [[stages]]
            id = "a"
            code = "x = 1"
            outputs = ["x"]

            [[stages]]
            id = "b"
            code = "x = 2"
            outputs = ["x"]
        """),
    ),
    Rule(
        "AGI-STAGE-015",
        "error",
        name="Two inputs of one name",
        why="Both would be bound to the same name, and the code would see the last one alone.",
        mend='Call one of them otherwise: { name = "table", from = "a", as = "first" }.',
        bad=lab("""
            [[stages]]
            id = "load"
            code = "table = [1, 2]"
            outputs = ["table"]

            [[stages]]
            id = "b"
            code = "other = 1"
            outputs = ["other"]

            [[stages]]
            id = "show"
            code = "table"
            inputs = ["table", { name = "other", as = "table" }]
        """),
        good=lab("""
            [[stages]]
            id = "load"
            code = "table = [1, 2]"
            outputs = ["table"]

            [[stages]]
            id = "b"
            code = "other = 1"
            outputs = ["other"]

            [[stages]]
            id = "show"
            code = "table, other"
            inputs = ["table", "other"]
        """),
    ),
    Rule(
        "AGI-STAGE-018",
        "error",
        name="Lists of different lengths, side by side",
        why=("`zip` takes the first of each, then the second of each; some would be left without a partner."),
        mend="Make the lists equally long, or combine them without `zip`.",
        bad=lab("""
            [[stages]]
            id = "each"
            code = "a, b"
            foreach = { a = [1, 2], b = [1, 2, 3] }
            zip = true
        """),
        good=lab("""
            [[stages]]
            id = "each"
            code = "a, b"
            foreach = { a = [1, 2], b = [1, 2] }
            zip = true
        """),
    ),
    Rule(
        "AGI-STAGE-025",
        "note",
        name="An input that the code never reads",
        why="It is handed over for nothing, and a change of it makes this stage run again.",
        mend="Take it out of the inputs.",
        bad=lab("""
            [[stages]]
            id = "load"
            code = "table = [1, 2]"
            outputs = ["table"]

            [[stages]]
            id = "show"
            code = "print(1)"
            inputs = ["table"]
        """),
        good=lab("""
            [[stages]]
            id = "load"
            code = "table = [1, 2]"
            outputs = ["table"]

            [[stages]]
            id = "show"
            code = "print(table)"
            inputs = ["table"]
        """),
    ),
    Rule(
        "AGI-STAGE-035",
        "error",
        name="A nested list beside another one",
        why=(
            "A list that a mapped stage makes is walked for each of its units; it cannot be combined with "
            "a second list."
        ),
        mend="Walk the nested list alone, and look up the rest.",
        bad=lab("""
            [[stages]]
            id = "each"
            code = "days = [city]"
            outputs = ["days"]
            foreach = { city = ["paris"] }

            [[stages]]
            id = "day"
            code = "day, n"
            foreach = { day = "days", n = [1, 2] }
        """),
        good=lab("""
            [[stages]]
            id = "each"
            code = "days = [city]"
            outputs = ["days"]
            foreach = { city = ["paris"] }

            [[stages]]
            id = "day"
            code = "day"
            foreach = { day = "days" }
        """),
    ),
    Rule(
        "AGI-STAGE-057",
        "warning",
        name="A share of nothing that is mapped",
        why=(
            "`require` says how many units of each mapped stage must succeed. Nothing that this stage reads is "
            "several units for it, so it asks for nothing."
        ),
        mend="Take `require` out, or write it at the stage that reads all items.",
        bad=lab("""
            [[stages]]
            id = "load"
            code = "table = [1, 2]"
            outputs = ["table"]

            [[stages]]
            id = "show"
            code = "print(table)"
            inputs = ["table"]
            require = 2
        """),
        good=lab("""
            [[stages]]
            id = "load"
            code = "table = [n]"
            outputs = ["table"]
            foreach = { n = [1, 2, 3] }

            [[stages]]
            id = "show"
            code = "print(table)"
            inputs = ["table"]
            require = 2
        """),
    ),
)
