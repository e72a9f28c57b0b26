"""`lab_stages.toml`: the replayable pipeline around an app or a study, stage by stage, in the order of reading.

What a stage reads and writes is named in two ways that cannot be mistaken for each other: `table` is a value (a Python
name), `out/table.csv` is a file (a path: it has a slash or a dot).
"""

from collections.abc import Mapping
from keyword import iskeyword
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    JsonValue,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from agilab.contracts.base import Document
from agilab.contracts.datum import Datum, listed, moments_in
from agilab.contracts.record import Record
from agilab.contracts.scalars import Count, Digest, Positive, RunIdText, Spelling, Text, Timestamp, refusal

StageId = Annotated[
    str,
    Spelling("^[A-Za-z][A-Za-z0-9_-]{0,63}$", "the name of a stage: a letter, then letters, digits, _ or -"),
]
ValueName = Annotated[
    str,
    Spelling(
        "^[^\\x00-@[-^`{-\\x7f][^\\x00-/:-@[-^`{-\\x7f]{0,254}$",
        "the name of a value, as Python writes it, and none of its keywords",
        lambda text: (
            "is a keyword of Python" if iskeyword(text) else None if text.isidentifier() else "is no name"
        ),
    ),
]

Workdir = Annotated[
    str,
    Spelling(
        "^(|[^/\\\\]+(/[^/\\\\]+)*)$",
        "a folder below that of this file, such as notebooks",
        lambda text: "leaves the folder of this file" if {".", "..", "~"} & set(text.split("/")) else None,
    ),
]


def _as_spelled(value: Any, checked: ValidatorFunctionWrapHandler) -> float:
    number: float = checked(value)
    return value if type(value) is int else number  # `timeout = 60` is not to become 60.0 in its file


Seconds = Annotated[
    float,
    Field(gt=0, allow_inf_nan=False, description="seconds, more than 0"),
    WrapValidator(_as_spelled),
]


def _required(value: Any) -> Any:
    # JSON has one kind of number: to its readers, 1.0 is the count 1, and a person means everything by it.
    if isinstance(value, float) and value == 1:
        raise refusal("could be one of them or all of them", allowed='1 or "all"')
    number = isinstance(value, int | float) and not isinstance(value, bool)
    good = (0 < value < 1 or (value >= 1 and value % 1 == 0)) if number else value in ("all", "any")
    if not good:
        allowed = '"all", "any", a number from 1, or a share between 0 and 1'
        raise refusal("is no share of units", allowed=allowed, kind="agilab_spelling")
    return value


Requirement = Annotated[
    Literal["all", "any"] | Positive | Annotated[float, Field(gt=0, lt=1, description="a share")],
    BeforeValidator(_required),
]


def is_file(name: str) -> bool:
    """Whether an input or output is a file; otherwise it is a value.

    >>> is_file("out/table.csv"), is_file("table.csv"), is_file("./table"), is_file("table")
    (True, True, True, False)
    """
    return "/" in name or "." in name


class Input(Record):
    """An input that needs more words than its name."""

    name: Text
    """The value or the file, as the stage that makes it calls it."""
    source: StageId | None = Field(default=None, alias="from")
    """The stage that makes it; else the nearest one above that does."""
    called: ValueName | None = Field(default=None, alias="as")
    """What this stage calls the value."""
    optional: bool = False
    """A file, or what a pattern finds, of this folder or of a stage above that need not be there."""

    @model_validator(mode="after")
    def _is_something(self) -> Self:
        if self.optional and not is_file(self.name):
            raise refusal("is a value, which cannot be missing", allowed="optional for a file or a pattern")
        return self


class Origin(Record):
    """Where a stage came from. Kept by every tool that edits it."""

    notebook: Text | None = None
    """The notebook, relative to the folder of this file."""
    cells: tuple[Text, ...] = ()
    """Ids of its code cells, in order."""
    indices: tuple[Count, ...] = ()
    """Their positions in the notebook, from 0."""
    execution_counts: tuple[Count, ...] = ()
    """Which cell of the session each was when the notebook was saved; 0 for one that never ran."""
    digest: Digest | None = None
    """SHA-256 over the code as it came, so that an edit can be told."""
    mode: Literal["not_executed_import", "generated", "written"] = "written"
    prompt_digest: Digest | None = None
    """SHA-256 over the whole prompt that a model was given."""


class LastRun(Record):
    """What the last run of a stage was; written back by it."""

    run: RunIdText
    status: Text
    at: Timestamp
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    tracked_as: Text | None = None
    """The tag `agilab.run_id` under which MLflow has the run; none where it was not tracked."""
    prompt: Text | None = None
    """The question that the code was written for, as it was when it ran; so are the next three."""
    model: Text | None = None
    runtime: Text | None = None
    code: Digest | None = None
    """SHA-256 of the code, so that an edit since can be told. Of a stage that calls an app: of the app's source."""
    environment: Text | None = None
    """Fingerprint of the environment."""
    units: dict[Text, Count] = Field(default_factory=dict)
    """How its units ended, by state, where it has several."""


class Stage(Record):
    """One step: code, or a call to an app."""

    id: StageId
    title: str = ""
    description: str = ""
    """Markdown: what a reader should know before the code."""
    question: str = ""
    """What a model, or a colleague, was asked to write this for."""
    model: str = ""
    """The model that wrote the code."""
    runtime: Literal["python", "app.run", "app.install", "none"] | None = None
    """`none` is text only. Left out: python where there is code, app.run where there is an app, none otherwise."""
    env: str = ""
    """The uv project whose locked environment it runs in: a relative folder, or an app. Empty: this folder's own."""
    workdir: Workdir = ""
    """The folder that the code runs in, relative to this one: `notebooks` where it reads `../data/table.csv`. What the
    stage takes and gives is named from here all the same: `data/table.csv`. An app runs where it always does."""
    enabled: bool = True
    needs: tuple[StageId, ...] = ()
    """Stages that must come first although nothing of theirs is an input."""
    inputs: tuple[Text | Input, ...] = ()
    outputs: tuple[Text, ...] = ()
    uses: dict[StageId, tuple[ValueName, ...]] = Field(default_factory=dict)
    """Imports, functions, classes and constants taken from the text of other stages, without running these."""
    foreach: dict[ValueName, Text | tuple[Datum, ...]] = Field(default_factory=dict)
    """What the stage is run for each of: the name that it gives the item, and the list (a value, or written out).
    Several are combined; see `zip`."""
    zip: bool = False
    """Walk several lists side by side instead of combining them."""
    require: Requirement = "all"
    """How much of each mapped stage that it reads must have succeeded: all, any, a number of units, or a share of them
    below 1."""
    cache: bool = False
    retries: Count = 0
    timeout: Seconds | None = None
    """Wall time of one attempt, in seconds."""
    code: str | None = None
    file: Text | None = None
    """A Python file with the code, relative to the folder of this document."""
    app: Text | None = None
    """An app, by name or relative path, that is called instead of code."""
    args: dict[str, JsonValue] = Field(default_factory=dict)
    """Arguments of the app. A text `{name}` stands for the value of that input."""
    tags: tuple[Text, ...] = ()
    origin: Origin | None = None
    last_run: LastRun | None = None
    extra: dict[str, Any] = Field(default_factory=dict)
    """What other tools and older versions wrote, as it was."""

    def in_toml(self, *, defaults: bool = True) -> dict[str, Any]:
        plain = super().in_toml(defaults=defaults)
        if "timeout" in plain:
            plain["timeout"] = self.timeout
        return _with_moments(plain, "foreach", self.foreach)

    @property
    def kind(self) -> str:
        """Its runtime, said or implied."""
        if self.runtime is not None:
            return self.runtime
        return (
            "app.run" if self.app is not None else "python" if self.code is not None or self.file else "none"
        )

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        given = [name for name in ("code", "file", "app") if getattr(self, name) is not None]
        if len(given) > 1:
            raise refusal(
                "says twice what is run", allowed="one of code, file and app", found=" and ".join(given)
            )
        if self.zip and len(self.foreach) < 2:
            raise refusal(
                "walks lists side by side",
                allowed="two lists or more in foreach",
                found=str(len(self.foreach)),
            )
        return self


class Lab(Record):
    """What is said of all stages together."""

    title: str = ""
    description: str = ""
    params: dict[ValueName, Datum] = Field(default_factory=dict)
    """Values that stages may take as inputs and that `--set NAME=VALUE` replaces."""
    notebook: dict[str, Any] = Field(default_factory=dict)
    """Metadata of the notebook that this came from, other tools' too, as it was."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """What other tools and older versions wrote, as it was."""

    def in_toml(self, *, defaults: bool = True) -> dict[str, Any]:
        return _with_moments(super().in_toml(defaults=defaults), "params", self.params)


def _with_moments(plain: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """A record in which a value is as it is, dates as dates."""
    return {**plain, name: listed(value)} if name in plain else plain


class LabStages(Document):
    """A pipeline of stages."""

    file_format: ClassVar[Literal["json", "toml"]] = "toml"
    by_hand: ClassVar[bool] = True

    schema_id: Literal["agilab.lab_stages.v2"] = Field("agilab.lab_stages.v2", alias="schema")
    lab: Lab = Lab()
    stages: tuple[Stage, ...] = ()

    def as_written(self, plain: Mapping[str, Any]) -> Self:
        """Params and lists to walk are dates where `plain` has dates; elsewhere in a lab a date is its text."""
        changes: dict[str, Any] = {}
        params = plain.get("lab", {}).get("params", {})
        if any(moments_in(params)):
            changes["lab"] = self.lab.with_changes(params=params)
        walked = [one.get("foreach", {}) for one in plain.get("stages", ())]
        if any(moments_in(walked)):
            changes["stages"] = tuple(
                stage.with_changes(foreach=lists) if any(moments_in(lists)) else stage
                for stage, lists in zip(self.stages, walked, strict=True)
            )
        return self.with_changes(**changes) if changes else self

    def in_toml(self, *, defaults: bool = True) -> dict[str, Any]:
        plain = super().in_toml(defaults=defaults)
        found = {"lab": self.lab.in_toml(defaults=defaults)} if "lab" in plain else {}
        stages = [stage.in_toml(defaults=defaults) for stage in self.stages]
        return {**plain, **found, **({"stages": stages} if "stages" in plain else {})}

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        seen: set[str] = set()
        for stage in self.stages:
            if stage.id in seen:
                raise refusal(
                    "has two stages of one id", allowed="an id of its own for each stage", found=stage.id
                )
            seen.add(stage.id)
        return self
