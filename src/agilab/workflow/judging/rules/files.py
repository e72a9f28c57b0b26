"""Rules about the files that stages take and leave."""

from __future__ import annotations

from agilab.workflow.judging.rules.rule import Rule, lab

FILES = (
    Rule(
        "AGI-STAGE-011",
        "error",
        name="A file that is not there",
        why="No enabled stage writes it, and nothing of that name lies in the lab's folder.",
        mend=(
            "Put it there, mend its path (relative to lab_stages.toml), or declare it where it is written. One "
            'that may be missing, or a pattern that may find nothing: { name = "…", optional = true }.'
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
)
