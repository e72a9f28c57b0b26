"""What a stage runs, and where: code or an app, its arguments, its environment."""

from __future__ import annotations

import difflib
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from agi_node.errors import AgiError
from agilab.contracts.lab_stages import Stage
from agilab.workflow.document.paths import leaves_the_lab
from agilab.workflow.judging.checks.case import Case, files_of
from agilab.workflow.judging.findings import Finding

_STANDS_FOR = re.compile(r"\{([A-Za-z_]\w*)\}")


def anything(case: Case) -> Iterator[Finding]:
    """A runtime that asks for code or an app, and none is there."""
    for name, one in case.resolved.stages.items():
        stage = one.stage
        wanted = "app" if stage.kind.startswith("app") else "code"
        there = stage.app is not None if wanted == "app" else stage.code is not None or stage.file is not None
        if not there:
            mend = 'app = "…"' if wanted == "app" else 'code = "…" or file = "…"'
            at = case.place(name, "runtime")
            yield case.finding(
                "026", at, name, f"{name} has no {wanted} to run", f"runtime {stage.kind}", mend
            )


def files(case: Case) -> Iterator[Finding]:
    """Files of code that are not there, or cannot be read."""
    for name, one in case.resolved.stages.items():
        stage = one.stage
        if stage.file is None or case.text_of(stage) is not None:
            continue
        path = case.folder / stage.file
        why = (
            "it leaves the lab"
            if leaves_the_lab(stage.file)
            else "it is no text in UTF-8"
            if path.is_file()
            else "there is no such file"
        )
        yield case.finding(
            "031", case.place(name, "file"), name, f"the code of {name} cannot be read: {why}", stage.file
        )


def environments(case: Case) -> Iterator[Finding]:
    """Environments that are not there. The lab's own is wanted by every run, whatever its stages call."""
    from agilab.projects.discover import find_app

    for name, one in case.resolved.stages.items():
        env = one.stage.env
        if (case.folder / env / "pyproject.toml").is_file():
            continue
        if env == "":
            yield case.finding(
                "034",
                case.place(name),
                name,
                f"{name} has no environment to run in",
                "no pyproject.toml in the lab's folder",
            )
            return  # the others that run in it have it with the same word
        try:
            find_app(env, case.workspace)
        except (AgiError, RuntimeError) as problem:  # `~nobody` is no home
            allowed = problem.allowed if isinstance(problem, AgiError) else None
            mend = f"one of {allowed}" if allowed else ""
            at = case.place(name, "env")
            yield case.finding("034", at, name, f"{name} names an environment that is not there", env, mend)


def apps(case: Case) -> Iterator[Finding]:
    """Apps that nobody knows, and arguments that they refuse, by what they said when they were installed."""
    from agilab.projects.discover import find_app, read_app
    from agilab.projects.installed import look_at

    for name, one in case.resolved.stages.items():
        stage = one.stage
        if stage.app is None:
            continue
        yield from _placeholders(case, stage)
        try:
            near = case.folder / stage.app
            app = (
                read_app(near.resolve())
                if (near / "pyproject.toml").is_file()
                else find_app(stage.app, case.workspace)
            )
        except (AgiError, RuntimeError) as problem:
            mend = (problem.allowed if isinstance(problem, AgiError) else None) or ""
            yield case.finding(
                "027",
                case.place(name, "app"),
                name,
                f"{name} calls an app that nobody knows",
                stage.app,
                mend,
            )
            continue
        said = look_at(app, case.workspace).description
        if said is not None:
            yield from _arguments(case, stage, said["args_schema"])
        elif stage.args:
            mend = f"agilab app install {shlex.quote(stage.app)}"
            what = f"the arguments of {name} are not checked: {app.name} is not installed"
            yield case.finding("029", case.place(name, "args"), name, what, ", ".join(stage.args), mend)


def _placeholders(case: Case, stage: Stage) -> Iterator[Finding]:
    given = case.given(stage)
    files = files_of(tuple(one.called for one in case.resolved.stages[stage.id].inputs))
    for key, value in stage.args.items():
        text = value if isinstance(value, str) else ""
        for whole in files:  # `{out/{city}.csv}` is an input, whether the stage walks the cities or takes all
            text = text.replace("{" + whole + "}", "")
        for name in dict.fromkeys(_STANDS_FOR.findall(text)):
            if name not in given:
                at = case.place(stage.id, "args", key)
                what = f"{key} of {stage.id} stands for {name}, which is none of its inputs"
                yield case.finding("017", at, stage.id, what, str(value)[:80], f'add "{name}" to its inputs')


def _arguments(case: Case, stage: Stage, schema: Mapping[str, Any]) -> Iterator[Finding]:
    from agilab.projects.arguments import properties
    from agilab.projects.life.schema_check import complaint

    fields = properties(schema)
    for key, value in stage.args.items():
        at = case.place(stage.id, "args", key)
        stands = isinstance(value, str) and _STANDS_FOR.search(value)
        if key not in fields:
            close = difflib.get_close_matches(key, fields, n=1)
            mend = f"did you mean {close[0]}?" if close else f"allowed: {', '.join(fields) or 'nothing'}"
            yield case.finding("028", at, stage.id, f"{stage.app} has no argument {key}", key, mend)
        elif not stands and (wrong := complaint(value, fields[key], schema, key)) is not None:
            found = json.dumps(value, ensure_ascii=False, default=str)[:80]
            what = f"{stage.app} refuses {wrong[0]}"
            yield case.finding("028", at, stage.id, what, found, f"allowed: {wrong[1]}")
