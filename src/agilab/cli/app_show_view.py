"""Apps as `agilab app list` and `agilab app show` print them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agilab.cli.app_arguments import limits, type_word
from agilab.cli.render import console, out, pairs, state, steps, table, title
from agilab.cli.words import brief, duration, moment, plural, short
from agilab.projects.arguments import flag, properties
from agilab.projects.installed import shown_name

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from agilab.projects.installed import InstalledApp

ROOM_FOR_WORDS = 60
"""Columns for the state, the gaps, and a description that can be read."""


def listed(found: Sequence[InstalledApp]) -> list[RenderableType]:
    """A line for each app; folders that leave no room for words stand below."""
    places = ["built in" if one.app.built_in else short(one.app.folder) for one in found]
    longest = max((len(one.app.name) for one in found), default=0) + max(map(len, places), default=0)
    beside = console().width >= longest + ROOM_FOR_WORDS
    rows = [
        (
            one.app.name,
            state(one.state),
            place if beside or one.app.built_in else "yours",
            one.app.description,
        )
        for one, place in zip(found, places, strict=True)
    ]
    grid = table(("app", "state", "where", "what it does"), rows, flexible="what it does")
    own = [
        (one.app.name, place)
        for one, place in zip(found, places, strict=True)
        if not (beside or one.app.built_in)
    ]
    below: list[RenderableType] = ["", title("Yours"), pairs(own)] if own else []
    return [grid, *below]


def print_app(found: InstalledApp, saved: Mapping[str, Any], runs: list[dict[str, Any]]) -> None:
    """All that is known of an app: `saved` are the arguments kept for it, `runs` the last ones as plain data."""
    from rich.text import Text

    name, environment = found.app.name, found.environment
    rows: list[tuple[str, Text | str]] = [("state", state(found.state)), ("folder", short(found.app.folder))]
    if environment:
        rows.append(
            (
                "environment",
                f"{environment.fingerprint[:12]}, Python {environment.python_version}, "
                f"{plural(len(environment.packages), 'package')}",
            )
        )
    said = found.description
    summary = (
        said["doc"].partition("\n\n")[0].replace("\n", " ")
        if said and said.get("doc")
        else found.app.description
    )
    out(Text(name, "bold"), *([Text(f"  {summary}")] if summary else []), "", pairs(rows))
    if said is None:
        command = f"agilab app install {shown_name(found.app)}"
        out("", title("Next"), steps([(command, "its arguments and nodes are known then")]))
    else:
        out("", title("Arguments"))
        for block in _arguments(said["args_schema"], saved):
            out(block)
        out("", title("Nodes"))
        out(_nodes(said["nodes"]))
        if said.get("partial"):
            fields = said["partial"]["fields"]
            out("", title(f"Result: {said['partial']['name']}"))
            out(pairs([(field["name"], _rule(field)) for field in fields]))
    out("", title("Last runs"))
    if not runs:
        out(Text("  none yet", "dim"))
    else:
        shown = (
            (run["run_id"], state(run["state"]), moment(run["created_at"]), duration(run["duration_seconds"]))
            for run in runs
        )
        out(table(("run", "state", "started", ">took"), shown))


def _nodes(described: Sequence[Mapping[str, Any]]) -> Any:
    """The steps of an app, or its nodes with what they need and what they say of how they are tried."""
    docs = {node["name"]: node["doc"].partition("\n")[0] for node in described}
    if not any(node.get("declared") for node in described):
        return pairs(list(docs.items()))
    words = {"retries": "retries {}", "timeout_s": "at most {:g} s", "cache": "cached"}
    rows = []
    for node in described:
        said = [text.format(node[name]) for name, text in words.items() if node.get(name)]
        about = " ".join(part for part in (docs[node["name"]], _in_brackets(", ".join(said))) if part)
        rows.append((f"  {node['name']}", ", ".join(node["needs"]), about))
    return table(("  node", "needs", "meaning"), rows, flexible="meaning")


def _arguments(schema: Mapping[str, Any], saved: Mapping[str, Any]) -> list[Any]:
    rows = []
    for name, field in properties(schema).items():
        default = saved.get(name, field.get("default"))
        needed = name in schema.get("required", ()) and default is None
        words = " ".join(part for part in (field.get("description", ""), _in_brackets(limits(field))) if part)
        rows.append((f"  --{flag(name)}", type_word(field), "required" if needed else brief(default), words))
    return [table(("  flag", "type", "default", "meaning"), rows, flexible="meaning")]


def _rule(field: Mapping[str, Any]) -> str:
    """How two results merge in this field: `sum of int`, `moments`, `size of aircraft`."""
    rule, of = str(field.get("rule", "")), str(field.get("of") or field.get("type") or "")
    of = f"{of} to {field['to']}" if field.get("to") else of
    return f"{rule} of {of}" if of and of.lower() != rule else rule or of


def _in_brackets(text: str) -> str:
    return f"({text})" if text else ""
