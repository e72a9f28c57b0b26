"""Findings of a doctor: one line each, trouble last, where the eye is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from agi_node.errors import DONE, FAILED
from agilab.cli.render import out, print_json
from agilab.cli.words import plural, symbol

if TYPE_CHECKING:
    from rich.text import Text

    from agilab.envs import Finding


def show_findings(found: Iterable[Finding], *, as_json: bool) -> int:
    """Print findings; the exit code is 1 if something will not work, 0 for warnings alone."""
    findings = list(found)
    errors = [one for one in findings if one.level == "error"]
    warnings = [one for one in findings if one.level == "warn"]
    if as_json:
        print_json(
            {
                "status": "failed" if errors else "succeeded",
                "errors": len(errors),
                "warnings": len(warnings),
                "findings": [one.to_plain() for one in findings],
            }
        )
        return FAILED if errors else DONE
    for one in [each for each in findings if each.level == "ok"] + warnings + errors:
        out(_line(one))
    out("", _verdict(len(findings), len(warnings), len(errors)))
    return FAILED if errors else DONE


def _line(one: Finding) -> Text:
    from rich.text import Text

    sign, style = {"ok": (symbol("ok"), "green"), "warn": (symbol("warn"), "bold yellow")}.get(
        one.level, (symbol("bad"), "bold red")
    )
    if one.level == "ok":
        return Text.assemble(
            (sign, style), f" {one.what}  ", (one.evidence, "dim"), no_wrap=True, overflow="ellipsis"
        )
    text = Text.assemble((sign, style), " ", (one.what, "bold"), f"  {one.code}\n  found  {one.evidence}")
    if one.try_:
        text.append("\n  try    ").append(one.try_, "cyan")
    return text


def _verdict(total: int, warnings: int, errors: int) -> Text:
    from rich.text import Text

    if errors:
        return Text(
            f"{plural(errors, 'problem')}, {plural(warnings, 'warning')} in {plural(total, 'check')}", "red"
        )
    if warnings:
        return Text(f"{plural(total, 'check')}: it works, with {plural(warnings, 'warning')}", "yellow")
    return Text(f"all {plural(total, 'check')} passed", "green")
