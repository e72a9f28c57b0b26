"""Every finding of `agilab workflow validate`.

The examples are what `--explain` shows and what the tests run: `bad` has the finding, `good` has not.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache

from agi_node.errors import AgiError
from agilab.workflow.judging.rules.code import CODE
from agilab.workflow.judging.rules.document import DOCUMENT
from agilab.workflow.judging.rules.files import FILES
from agilab.workflow.judging.rules.inputs import INPUTS
from agilab.workflow.judging.rules.outputs import OUTPUTS
from agilab.workflow.judging.rules.params import PARAMS
from agilab.workflow.judging.rules.risks import RISKS
from agilab.workflow.judging.rules.rule import Rule as Rule
from agilab.workflow.judging.rules.work import WORK


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule by its code, in order."""
    return dict(
        sorted(
            (one.code, one) for one in (*DOCUMENT, *INPUTS, *FILES, *OUTPUTS, *PARAMS, *WORK, *CODE, *RISKS)
        )
    )


def rule(code: str) -> Rule:
    """The rule of a code: `AGI-STAGE-010`, or `010`. Raises AGI-LAB-104, with the nearest, where there is none."""
    known = rules()
    name = f"AGI-STAGE-{code}" if code.isdigit() and len(code) == 3 else code.upper()
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    raise AgiError(
        "AGI-LAB-104",
        "there is no finding of this code",
        found=code,
        allowed=f"{next(iter(known))} … {list(known)[-1]}",
        try_=f"agilab workflow validate --explain {close[0]}"
        if close
        else "agilab workflow validate --explain all",
    )
