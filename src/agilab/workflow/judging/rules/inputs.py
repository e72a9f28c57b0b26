"""Rules about what stages take."""

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
        "AGI-STAGE-011",
        "error",
        name="A file that is not there",
        why="No enabled stage writes it, and nothing of that name lies in the lab's folder.",
        mend=(
            "Put it there, mend its path (relative to lab_stages.toml), or declare it where it is written."
        ),
        bad=lab("""
            [[stages]]
            id = "load"
            code = "open('data/in.csv')"
            inputs = ["data/on.csv"]
        """),
        good=lab("""
            [[stages]]
            id = "load"
            code = "open('data/in.csv')"
            inputs = ["data/in.csv"]
        """),
        files={"data/in.csv": "a\n"},
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
        "AGI-STAGE-013",
        "error",
        name="A path that leaves the lab",
        why=(
            "Absolute paths, `~` and `..` lead elsewhere on every other machine, so no document may hold "
            "them."
        ),
        mend="Put the file below the lab's folder, or declare a data root in settings.toml.",
        bad=lab("""
            [[stages]]
            id = "load"
            code = "1"
            outputs = ["../out.csv"]
        """),
        good=lab("""
            [[stages]]
            id = "load"
            code = "1"
            outputs = ["out/out.csv"]
        """),
    ),
    Rule(
        "AGI-STAGE-014",
        "error",
        name="foreach over a file",
        why="A stage runs for each item of a value that is a list; a file has no items.",
        mend="Let a stage read the file and give the list as a value.",
        bad=lab("""
            [[stages]]
            id = "each"
            code = "city"
            foreach = { city = "cities.txt" }
        """),
        good=lab("""
            [lab.params]
            cities = ["paris"]

            [[stages]]
            id = "each"
            code = "city"
            foreach = { city = "cities" }
        """),
        files={"cities.txt": "paris\n"},
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
        "AGI-STAGE-016",
        "warning",
        name="A name for a file",
        why="`as` names a value. The code reads a file under its own path, so this name means nothing.",
        mend="Take `as` away.",
        bad=lab("""
            [[stages]]
            id = "load"
            code = "open('in.csv')"
            inputs = [{ name = "in.csv", as = "table" }]
        """),
        good=lab("""
            [[stages]]
            id = "load"
            code = "open('in.csv')"
            inputs = ["in.csv"]
        """),
        files={"in.csv": "a\n"},
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
        "AGI-STAGE-019",
        "warning",
        name="Files of the folder where stages write the like",
        why=(
            "A pattern or a folder reads what lies in the lab's folder before the run; what stages of "
            "this run write into the same place is not among it."
        ),
        mend="Take the stages' files by their names, or write to another folder.",
        bad=lab("""
            [[stages]]
            id = "make"
            code = "open('out/b.csv', 'w')"
            outputs = ["out/b.csv"]

            [[stages]]
            id = "sum"
            code = "open('out/a.csv')"
            inputs = ["out/*.csv"]
        """),
        good=lab("""
            [[stages]]
            id = "make"
            code = "open('out/b.csv', 'w')"
            outputs = ["out/b.csv"]

            [[stages]]
            id = "sum"
            code = "open('out/b.csv')"
            inputs = ["out/b.csv"]
        """),
        files={"out/a.csv": "1\n"},
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
