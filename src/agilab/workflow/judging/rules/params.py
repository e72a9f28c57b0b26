"""Rules about the params of a lab: what of TOML does not reach a stage as it is."""

from __future__ import annotations

from agilab.workflow.judging.rules.rule import Rule, lab

PARAMS = (
    Rule(
        "AGI-STAGE-062",
        "note",
        name="A date among the params",
        why="Params travel as JSON, which has no dates: a stage gets the text, as 2024-05-31.",
        mend="Read it where it is used: datetime.date.fromisoformat(begin). As text it may stand in quotes.",
        bad=lab("""
            [lab.params]
            begin = 2024-05-31

            [[stages]]
            id = "show"
            code = "print(begin)"
            inputs = ["begin"]
        """),
        good=lab("""
            [lab.params]
            begin = "2024-05-31"

            [[stages]]
            id = "show"
            code = "print(begin)"
            inputs = ["begin"]
        """),
    ),
    Rule(
        "AGI-STAGE-063",
        "error",
        name="A param without a bound",
        why="Params travel as JSON, which has neither infinity nor NaN.",
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
)
