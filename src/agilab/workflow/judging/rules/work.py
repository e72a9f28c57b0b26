"""Rules about what a stage runs, and where: code or an app, its arguments, its environment."""

from __future__ import annotations

from agilab.workflow.judging.rules.rule import Rule, lab

WORK = (
    Rule(
        "AGI-STAGE-017",
        "error",
        name="An argument that stands for no input",
        why=(
            "A text `{name}` among the arguments of an app stands for the value of that input, and there "
            "is no such input."
        ),
        mend="Add it to the inputs, or write the value itself.",
        bad=lab("""
            [[stages]]
            id = "go"
            app = "flight_project"
            args = { min_points = "{points}" }
        """),
        good=lab("""
            [lab.params]
            points = 5

            [[stages]]
            id = "go"
            app = "flight_project"
            args = { min_points = "{points}" }
            inputs = ["points"]
        """),
    ),
    Rule(
        "AGI-STAGE-026",
        "error",
        name="Nothing to run",
        why="The runtime asks for code or an app, and the stage has none.",
        mend='Add `code`, `file` or `app`, or say runtime = "none".',
        bad=lab("""
            [[stages]]
            id = "go"
            runtime = "app.run"
        """),
        good=lab("""
            [[stages]]
            id = "go"
            runtime = "app.run"
            app = "flight_project"
        """),
    ),
    Rule(
        "AGI-STAGE-027",
        "error",
        name="An app that nobody knows",
        why="It is no built-in app, none that this workspace has seen, and no folder beside the lab.",
        mend="Write its name as `agilab app list` has it, or the relative path of its folder.",
        bad=lab("""
            [[stages]]
            id = "go"
            app = "flihgt_project"
        """),
        good=lab("""
            [[stages]]
            id = "go"
            app = "flight_project"
        """),
    ),
    Rule(
        "AGI-STAGE-028",
        "error",
        name="Arguments that the app refuses",
        why=(
            "The app's own description, from when it was installed, has no such argument, or not with "
            "such a value."
        ),
        mend="`agilab app show APP` lists its arguments.",
        bad=lab("""
            [[stages]]
            id = "go"
            app = "tides"
            args = { hours = "many" }
        """),
        good=lab("""
            [[stages]]
            id = "go"
            app = "tides"
            args = { hours = 3 }
        """),
    ),
    Rule(
        "AGI-STAGE-029",
        "note",
        name="An app that is not installed",
        why="What arguments it takes is known once it is; until then they are not checked.",
        mend="`agilab app install APP`.",
        bad=lab("""
            [[stages]]
            id = "go"
            app = "flight_project"
            args = { min_points = 5 }
        """),
        good=lab("""
            [[stages]]
            id = "go"
            app = "flight_project"
        """),
    ),
    Rule(
        "AGI-STAGE-031",
        "error",
        name="A file of code that cannot be read",
        why=(
            "`file` names a Python file relative to lab_stages.toml. It is not there, leaves the lab, or "
            "is not UTF-8."
        ),
        mend="Mend the path, or put the code into `code`.",
        bad=lab("""
            [[stages]]
            id = "go"
            file = "gone.py"
        """),
        good=lab("""
            [[stages]]
            id = "go"
            file = "go.py"
        """),
        files={"go.py": "x = 1\n"},
    ),
    Rule(
        "AGI-STAGE-034",
        "error",
        name="No environment to run in",
        why=(
            "A stage runs in the locked environment of a uv project: `env`, or the lab's own folder, which every run "
            "wants. Here is none, or it has no uv.lock, or no pydantic among its dependencies, with which a stage's "
            "process speaks to the run."
        ),
        mend=(
            "Name a folder with pyproject.toml or an app, or make one: uv init --bare --no-workspace && "
            "uv add pydantic."
        ),
        bad=lab("""
            [[stages]]
            id = "load"
            code = "1"
            env = "plots"
        """),
        good=lab("""
            [[stages]]
            id = "load"
            code = "1"
        """),
    ),
    Rule(
        "AGI-STAGE-059",
        "warning",
        name="An import that the environment does not have",
        why=(
            "The stage imports it whenever it runs, and the lock of the project that it runs in has no package of that "
            "name. Imports within `try`, `if` or a function are not looked at."
        ),
        mend="`uv add` the package, in the folder of the project.",
        bad=lab("""
            [[stages]]
            id = "train"
            code = "import torch"
        """),
        good=lab("""
            [[stages]]
            id = "train"
            code = "import pydantic"
        """),
    ),
)
