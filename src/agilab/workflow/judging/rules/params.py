"""Rules about the params of a lab, and about lists that stand in it: what of TOML reaches no stage."""

from __future__ import annotations

from agilab.workflow.judging.rules.rule import Rule, lab

PARAMS = (
    Rule(
        "AGI-STAGE-062",
        "error",
        name="Two items with one key",
        why='The key names the unit, its results and what is cached: 1 and "1" would both be [1].',
        mend="Write each item once; where two must look alike, walk a table from names to items.",
        bad=lab("""
            [[stages]]
            id = "each"
            foreach = { rate = [1, 1.0] }
            code = "print(rate)"
        """),
        good=lab("""
            [lab.params]
            rates = { whole = 1, real = 1.0 }

            [[stages]]
            id = "each"
            foreach = { rate = "rates" }
            code = "print(rate)"
        """),
    ),
    Rule(
        "AGI-STAGE-063",
        "error",
        name="A number without a bound",
        why="Params, written lists and arguments travel as JSON, which has neither infinity nor NaN.",
        mend='Write it as text, "inf", and use float(limit).',
        bad=lab("""
            [lab.params]
            limit = inf

            [[stages]]
            id = "show"
            code = "print(limit)"
            inputs = ["limit"]
        """),
        good=lab("""
            [lab.params]
            limit = "inf"

            [[stages]]
            id = "show"
            code = "print(float(limit))"
            inputs = ["limit"]
        """),
    ),
    Rule(
        "AGI-STAGE-069",
        "note",
        name="A param that no stage takes",
        why="Another value of it (`--set`) would change nothing, so a run with one is refused.",
        mend="Add it to the inputs of the stages that need it, and take out of their code what sets it.",
        bad=lab("""
            [lab.params]
            limit = 3

            [[stages]]
            id = "show"
            code = "limit = 5; print(limit)"
        """),
        good=lab("""
            [lab.params]
            limit = 3

            [[stages]]
            id = "show"
            code = "print(limit)"
            inputs = ["limit"]
        """),
    ),
)
