"""Rules about the code of stages: its syntax and its names."""

from __future__ import annotations

from agilab.workflow.judging.rules.rule import Rule, lab

_NEWER = """\
[project]
name = "lab"
version = "0"
requires-python = ">=3.15"
dependencies = []
"""

CODE = (
    Rule(
        "AGI-STAGE-032",
        "error",
        name="`uses` of what cannot be taken",
        why=(
            "Only statements can be taken from another stage's text: imports, functions, classes, and "
            "constants that nothing is done to. A result cannot: it is an output there and an input here."
        ),
        mend="Name such a statement, or hand the value over.",
        bad=lab("""
            [[stages]]
            id = "load"
            code = "table = open('a')"

            [[stages]]
            id = "go"
            code = "table"
            uses = { load = ["table"] }
        """),
        good=lab("""
            [[stages]]
            id = "load"
            code = "import json"

            [[stages]]
            id = "go"
            code = "json"
            uses = { load = ["json"] }
        """),
    ),
    Rule(
        "AGI-STAGE-070",
        "error",
        name="Code that is not Python",
        why="The stage would fail before its first statement. Code of Python 2 is found here too.",
        mend="Mend the line that is named.",
        bad=lab("""
            [[stages]]
            id = "go"
            code = '''
            for n in range(3)
                print(n)
            '''
        """),
        good=lab("""
            [[stages]]
            id = "go"
            code = '''
            for n in range(3):
                print(n)
            '''
        """),
    ),
    Rule(
        "AGI-STAGE-071",
        "error",
        name="A name that nothing gives",
        why=(
            "The code reads it before anything binds it: no statement above it, no input, nothing from "
            "`uses`, no item."
        ),
        mend="Add the value to the inputs, take an import or a function by `uses`, or mend the spelling.",
        bad=lab(r"""
            [[stages]]
            id = "load"
            code = "import math\nradius = 3"

            [[stages]]
            id = "go"
            code = "math.pi * radius"
        """),
        good=lab(r"""
            [[stages]]
            id = "load"
            code = "import math\nradius = 3"
            outputs = ["radius"]

            [[stages]]
            id = "go"
            code = "math.pi * radius"
            inputs = ["radius"]
            uses = { load = ["math"] }
        """),
    ),
    Rule(
        "AGI-STAGE-072",
        "warning",
        name="Code of another Python",
        why="The stage runs with a Python that AGILab does not run on, so what only that one reads is not judged.",
        mend="Run it; or write it so that both read it.",
        bad=lab("""
            [[stages]]
            id = "go"
            code = "lazy import json"
        """),
        good=lab("""
            [[stages]]
            id = "go"
            code = "import json"
        """),
        files={"pyproject.toml": _NEWER},
    ),
    Rule(
        "AGI-STAGE-073",
        "error",
        name="A line of a notebook, not of Python",
        why="`%magic` and `!command` mean something in Jupyter alone.",
        mend="Write what it does in Python; packages belong into pyproject.toml (`uv add`).",
        bad=lab("""
            [[stages]]
            id = "go"
            code = '''
            %matplotlib inline
            x = 1
            '''
        """),
        good=lab("""
            [[stages]]
            id = "go"
            code = '''
            x = 1
            '''
        """),
    ),
    Rule(
        "AGI-STAGE-074",
        "warning",
        name="A name that nothing gives, and whose lack is caught",
        why=(
            "The code reads it in a `try` that catches `NameError`: it always goes the way of the handler, whatever "
            "other stages have of that name."
        ),
        mend="Add the value to the inputs, if the stage is to have it; or leave the `try` out.",
        bad=lab("""
            [[stages]]
            id = "go"
            code = '''
            try:
                print(total)
            except NameError:
                print("no total")
            '''
        """),
        good=lab("""
            [[stages]]
            id = "load"
            code = "total = 3"
            outputs = ["total"]

            [[stages]]
            id = "go"
            code = "print(total)"
            inputs = ["total"]
        """),
    ),
)
