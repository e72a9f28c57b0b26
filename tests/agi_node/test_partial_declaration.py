"""What an author may declare and give, and what is refused in which words."""

from __future__ import annotations

import copy
import doctest
import inspect
import math
import pickle
import subprocess
import sys
import textwrap
from dataclasses import FrozenInstanceError
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypedDict

import numpy as np
import pandas as pd
import polars as pl
import pytest

import agi_node.partial as room
from agi_node import reduce
from agi_node.errors import AgiError
from agi_node.partial import (
    Concat,
    Distinct,
    Histogram,
    Max,
    Merge,
    Min,
    Moments,
    Partial,
    Size,
    Sum,
    TopK,
    merge_tree,
)

if TYPE_CHECKING:
    from nowhere import Unknown  # type: ignore[import-not-found]


class Inner(Partial):
    hits: Sum[int] = 0


class Summary(Partial):
    UNIT: ClassVar[str] = "m/s"
    rows: Sum[int] = 0
    metres: Sum[float] = 0.0
    first: Min[datetime] = None
    aircraft: Distinct[str] = frozenset()
    aircraft_count: Annotated[int, Size("aircraft")] = 0
    notes: Concat[dict[str, Any]] = ()
    speed: Moments = Moments()
    bins: Histogram = Histogram([0, 10])
    top: TopK = TopK(2)
    inner: Inner = Inner()

    @property
    def mean_metres(self) -> float:
        return self.metres / self.rows


def refused(code: str, text: str) -> Any:
    return pytest.raises(AgiError, match=rf"{code}\]: .*{text}")


def test_a_field_that_is_left_out_takes_the_identity():
    assert Summary() == Summary.identity()
    assert Summary(rows=3).speed == Moments()
    assert Summary.identity().to_payload() == {
        "rows": 0,
        "metres": 0.0,
        "first": None,
        "aircraft": [],
        "aircraft_count": 0,
        "notes": [],
        "speed": {"count": 0, "mean": None, "variance": None, "min": None, "max": None},
        "bins": {"edges": [0.0, 10.0], "counts": [0], "under": 0, "over": 0},
        "top": [],
        "inner": {"hits": 0},
    }


def test_a_class_shows_its_defaults_and_an_instance_its_values():
    assert Summary.bins.edges == (0.0, 10.0)
    assert Summary.rows == 0
    one = Summary(rows=4, metres=10.0)
    assert (one.rows, one.metres, one.mean_metres, one.UNIT) == (4, 10.0, 2.5, "m/s")
    assert "rows=4" in repr(one)
    assert one.merge(one).rows == 8


def test_a_partial_does_not_change_and_survives_copying():
    one = Summary(rows=4, aircraft=["b", "a"], notes=[{"n": 1}])
    with pytest.raises(FrozenInstanceError, match=r"does not change: Summary\.rows"):
        one.rows = 5  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="does not change"):
        del one.rows
    assert one == pickle.loads(pickle.dumps(one)) == copy.deepcopy(one)
    assert one != Summary(rows=4)
    assert one != "Summary"
    assert len({one, copy.copy(one)}) == 1


def test_an_unknown_field_is_named_with_what_is_allowed_and_what_was_meant():
    with refused("AGI-PART-002", "Summary has no field 'row'") as caught:
        Summary(row=3)
    assert "aircraft, aircraft_count, notes" in str(caught.value)
    assert "did you mean 'rows'?" in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "found", "allowed"),
    [
        ("rows", "3", "'3' (str)", "a whole number"),
        ("rows", 3.0, "3.0 (float)", "a whole number"),
        ("rows", None, "None", "a whole number"),
        ("metres", "1.5", "'1.5' (str)", "a number"),
        ("metres", None, "None", "a number"),
        ("metres", 10**400, "(int)", "range of doubles"),
        ("metres", 1j, "1j (complex)", "a number"),
        ("first", datetime(2024, 1, 1), "2024", "time zone"),
        ("first", "2024-01-01", "(str)", "datetime"),
        ("aircraft", "ABC", "'ABC' (str)", "a set, list, tuple or column of str"),
        ("aircraft", [1], "1 (int)", "a text"),
        ("aircraft", ["\ud800"], "\\ud800", "UTF-8"),
        ("aircraft", 7, "7 (int)", "column of str"),
        ("aircraft_count", 3, "3 (int)", "it follows from 'aircraft'"),
        ("notes", [{1: 2}], "1 (int)", "a text"),
        ("notes", [{"a": {1, 2}}], "{1, 2} (set)", "plain JSON"),
        ("speed", 3.0, "3.0 (float)", "Moments.of"),
        ("speed", [1.0], "(list)", "Moments.of"),
        ("bins", Moments(), "Moments()", "Histogram"),
        ("inner", {"hits": 1}, "(dict)", "Inner"),
    ],
)
def test_a_value_of_another_type_names_its_field(field, value, found, allowed):
    with refused("AGI-PART-003", rf"Summary\.{field}: the value does not fit") as caught:
        Summary(**{field: value})
    assert found in caught.value.found
    assert allowed in caught.value.allowed
    assert caught.value.whose == "author"


@pytest.mark.parametrize("annotation", [Min[float], Max[float], Distinct[float], Concat[tuple[str, float]]])
def test_nan_has_no_place_where_values_are_ordered(annotation):
    class Ordered(Partial):
        value: annotation  # type: ignore[valid-type]

    nan = math.nan if annotation in (Min[float], Max[float]) else [("a", math.nan)]
    if annotation is Distinct[float]:
        nan = [math.nan]
    with refused("AGI-PART-003", r"Ordered\.value") as caught:
        Ordered(value=nan)
    assert "NaN has no place in an order" in caught.value.allowed


def test_other_edges_and_another_k_than_the_fields_are_refused():
    with refused("AGI-PART-005", r"Summary\.bins: other edges"):
        Summary(bins=Histogram([0, 11]))
    with refused("AGI-PART-005", r"Summary\.top: another k"):
        Summary(top=TopK(3))
    with refused("AGI-PART-005", "partials of different classes"):
        Summary().merge(Inner())
    with refused("AGI-PART-005", "partials of different classes"):
        Summary.merge_all([Summary(), Inner()])


def test_values_of_table_libraries_are_taken_as_plain_values():
    one = Summary(
        rows=np.int64(3),
        metres=np.float32(0.5),
        first=pd.Timestamp("2024-05-01T12:00:00.5", tz="Europe/Paris"),
        aircraft=pl.Series(["b", "a", "b"]),
    )
    assert type(one.rows) is int
    assert type(one.metres) is float
    assert type(one.first) is datetime
    assert one.to_payload()["first"] == "2024-05-01T10:00:00.500000Z"
    assert one.aircraft == Summary(aircraft=np.array(["a", "b"])).aircraft == {"a", "b"}
    assert all(type(name) is str for name in Summary(aircraft=np.array(["a"])).aircraft)
    assert Summary(rows=True).rows == 1
    assert Summary(metres=2**60 + 2**8).metres == float(2**60 + 2**8)


def test_instants_of_all_zones_are_one_instant():
    paris = datetime(2024, 5, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    assert Summary(first=paris) == Summary(first=datetime(2024, 5, 1, 12, tzinfo=UTC))
    assert Summary(first=paris).to_state()["first"] == "2024-05-01T12:00:00Z"


def test_every_type_of_value_comes_back_from_its_state():
    class Typed(TypedDict):
        n: int

    class Kinds(Partial):
        bools: Distinct[bool] = frozenset()
        ints: Concat[int] = ()
        days: Max[date] = None
        maybe: Concat[float | None] = ()
        rows: Concat[list[tuple[str, ...]]] = ()
        table: Concat[dict[str, float]] = ()
        typed: Concat[Typed] = ()
        anything: Concat[object] = ()
        both: Min[tuple[int, str]] = None

    one = Kinds(
        bools=[np.True_, False],
        ints=[2, 10, 1],
        days=date(2024, 5, 1),
        maybe=[None, 1.5, -0.0],
        rows=[[("a",), ()]],
        table=[{"b": 1.0, "a": 2.0}],
        typed=[{"n": 1}],
        anything=[3.0, 1e22, "x", None],
        both=(1, "a"),
    )
    again = Kinds.from_state(one.to_state())
    assert again == one
    assert again.ints == (1, 2, 10)
    assert again.days == date(2024, 5, 1)
    assert again.rows == ([("a",), ()],)
    assert again.table == ({"a": 2.0, "b": 1.0},)
    assert again.both == (1, "a")
    assert {item["name"]: item["type"] for item in Kinds.describe()} == {
        "bools": "bool",
        "ints": "int",
        "days": "date",
        "maybe": "float | None",
        "rows": "list[tuple[str, ...]]",
        "table": "dict[str, float]",
        "typed": "json",
        "anything": "json",
        "both": "tuple[int, str]",
    }


def test_a_description_says_rule_type_and_identity_of_every_field():
    described = {item["name"]: item for item in Summary.describe()}
    assert described["rows"] == {"name": "rows", "rule": "sum", "type": "int", "identity": 0}
    assert described["metres"]["identity"] == "0"
    assert described["first"]["rule"] == "min"
    assert described["aircraft_count"] | {} == {
        "name": "aircraft_count",
        "rule": "size",
        "type": "int",
        "identity": None,
        "of": "aircraft",
    }
    assert described["bins"]["identity"]["edges"] == ["0", "5*2^1"]
    assert described["top"]["identity"] == {"k": 2, "items": []}
    assert described["inner"]["fields"] == Inner.describe()
    assert "UNIT" not in described


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (None, "this is no state of Summary"),
        ([], "this is no state of Summary"),
        ({"rows": 1}, "this is no state of Summary"),
        ({"row": 1, **{k: v for k, v in Summary().to_state().items() if k != "rows"}}, "unknown ..row"),
        ({**Summary().to_state(), "aircraft_count": 0}, "1 unknown"),
        ({**Summary().to_state(), "rows": 1.0}, r"Summary\.rows"),
        ({**Summary().to_state(), "rows": True}, r"Summary\.rows"),
        ({**Summary().to_state(), "metres": 0.5}, r"Summary\.metres: no exact number"),
        ({**Summary().to_state(), "first": "2024-05-01T12:00:00"}, r"Summary\.first"),
        ({**Summary().to_state(), "first": "2024-05-01T14:00:00+02:00"}, r"Summary\.first"),
        (
            {**Summary().to_state(), "aircraft": ["a", "a"]},
            r"Summary\.aircraft: a set that holds a value twice",
        ),
        ({**Summary().to_state(), "aircraft": "a"}, r"Summary\.aircraft: no list"),
        (
            {**Summary().to_state(), "notes": [{"b": 1}, {"a": 1}]},
            r"Summary\.notes: a bag that is out of order",
        ),
        ({**Summary().to_state(), "inner": {}}, r"Summary\.inner: this is no state of Inner"),
        ({**Summary().to_state(), "top": {"k": 2, "items": [["0", "a"], ["1*2^0", "b"]]}}, r"Summary\.top"),
        ({**Summary().to_state(), "top": {"k": 2, "items": [["nan", "a"]]}}, r"Summary\.top"),
        (
            {**Summary().to_state(), "bins": {"edges": ["0"], "counts": [], "under": 0, "over": 0}},
            r"Summary\.bins",
        ),
        ({**Summary().to_state(), "bins": {**Summary.bins.to_state(), "counts": [-1]}}, r"Summary\.bins"),
    ],
)
def test_a_foreign_or_damaged_state_is_refused_with_its_field(state, text):
    with pytest.raises(AgiError, match=text) as caught:
        Summary.from_state(state)
    assert caught.value.code == "AGI-PART-006"


@pytest.mark.parametrize(
    "change",
    [
        {"count": 1},
        {"count": -2},
        {"count": 2.0},
        {"sum": "1*2^9"},
        {"squares": "1*2^0"},
        {"squares": "inf"},
        {"sum": "nan"},
        {"min": None},
        {"min": "3*2^9"},
        {"max": "inf"},
        {"count": 0},
    ],
)
def test_a_state_that_no_bag_of_numbers_has_is_refused(change):
    state = Moments.of([1.0, 2.0]).to_state() | change
    with pytest.raises(AgiError, match="Moments|exact number") as caught:
        Moments.from_state(state)
    assert caught.value.code == "AGI-PART-006"


def test_the_state_of_other_edges_is_refused_as_such():
    state = Summary().to_state() | {"bins": Histogram([0, 1]).to_state()}
    with refused("AGI-PART-005", r"Summary\.bins: other edges than the field's"):
        Summary.from_state(state)


DECLARATIONS = {
    "x: int = 0": "Bad.x: the field does not say how it merges",
    "x: Sum[str] = ''": "Bad.x: only numbers add up",
    "x: Sum[int] = 5": "Bad.x: the default of a field is the identity",
    "x: Sum[float] = float('nan')": "Bad.x: the default of a field is the identity",
    "x: Min[float] = float('inf')": "Bad.x: the default of a field is the identity",
    "x: Distinct[str] = frozenset({'a'})": "Bad.x: the default of a field is the identity",
    "x: Moments = Moments.of([1.0])": "Bad.x: the default of a field is the identity",
    "x: TopK = TopK.of([(1.0, 'a')], 3)": "Bad.x: the default of a field is the identity",
    "x: Histogram": "Bad.x: a Histogram needs its empty value as default",
    "x: TopK": "Bad.x: a TopK needs its empty value as default",
    "x: Distinct[list[int]] = frozenset()": "Bad.x: members of a set are hashable",
    "x: Min[Any] = None": "Bad.x: the values have no order",
    "x: Concat[complex] = ()": "Bad.x: this type has no plain form",
    "x: Concat[int | str] = ()": "Bad.x: this type has no plain form",
    "x: Annotated[int, Size('y')] = 0": "Bad.x counts the members of a field that has none",
    "x: Annotated[int, Merge(max, identity='a')] = 0": "Bad.x: the value does not fit",
    "x: Annotated[int, Merge(max, identity=0), Size('y')] = 0": "Bad.x: two rules for one field",
    "merge: Sum[int] = 0": "Bad.merge hides Partial.merge",
    "identity: Sum[int]": "Bad.identity hides Partial.identity",
    "def to_state(self): return {}": "Bad overrides to_state",
    "def to_payload(self): return {}": "Bad overrides to_payload",
    "x: int\n    def merge(self, other): return self": "needs a default, which is its identity",
}


@pytest.mark.parametrize(("body", "text"), DECLARATIONS.items(), ids=list(DECLARATIONS))
@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"], ids=["plain", "future"])
def test_a_class_that_cannot_merge_is_refused_by_its_statement(body, text, future):
    names = {**vars(room), "Annotated": Annotated, "Any": Any}
    with pytest.raises(AgiError) as caught:
        exec(f"{future}class Bad(Partial):\n    {body}", names)
    assert text in caught.value.what
    assert caught.value.code == "AGI-PART-001"
    assert caught.value.whose == "author"


@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"], ids=["plain", "future"])
def test_names_are_found_in_modules_in_functions_and_in_executed_text(future, tmp_path, monkeypatch):
    source = future + textwrap.dedent(
        """
        from agi_node.partial import Moments, Partial, Sum

        class Inner(Partial):
            hits: Sum[int] = 0

        class Outer(Partial):
            inner: Inner = Inner()
            speed: "Moments" = Moments()

        def local():
            from agi_node.partial import Min
            class Deep(Outer):
                least: Min[float] = None
            return Deep
        """
    )
    (tmp_path / "an_app_of_partials.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "an_app_of_partials", raising=False)
    import an_app_of_partials as module

    executed: dict[str, Any] = {}
    exec(source, executed)
    for local, inner in ((module.local, module.Inner), (executed["local"], executed["Inner"])):
        deep = local()
        assert [item["name"] for item in deep.describe()] == ["inner", "speed", "least"]
        assert deep(inner=inner(hits=2), least=1).merge(deep(least=0)).inner.hits == 2


class Early(Partial):
    later: Later
    x: Sum[int] = 0


class Later(Partial):
    n: Sum[int] = 0


def test_a_name_that_is_defined_further_down_is_found_at_first_use():
    assert Early(later=Later(n=2), x=1).merge(Early(later=Later(n=3))).later.n == 5


def test_a_name_that_never_exists_is_named():
    class Lost(Partial):
        x: Sum[Unknown] = 0

    with refused("AGI-PART-001", "Lost: the type of a field cannot be found: name 'Unknown'") as caught:
        Lost()
    assert "not only under TYPE_CHECKING" in str(caught.value)


class Endless(Partial):
    again: Endless


def test_a_partial_that_contains_itself_is_refused():
    with refused("AGI-PART-001", "Endless contains itself"):
        Endless()


def test_a_subclass_adds_fields_to_those_of_its_base():
    class Wider(Inner):
        misses: Sum[int] = 0

    assert Wider(hits=1, misses=2).merge(Wider(hits=1)).to_payload() == {"hits": 2, "misses": 2}
    assert Inner(hits=1).to_payload() == {"hits": 1}
    with refused("AGI-PART-005", "different classes"):
        Inner().merge(Wider())


def test_an_authors_merge_sees_values_and_may_use_the_declared_rules():
    class Best(Partial):
        rows: Sum[int] = 0
        score: float = -math.inf
        model: str = ""

        def merge(self, other: Best) -> Best:
            better = max(self, other, key=lambda one: (one.score, one.model))
            return Best(rows=self.rows + other.rows, score=better.score, model=better.model)

    best = Best.merge_all(Best(rows=1, score=float(n % 7), model=f"m{n}") for n in range(20))
    assert (best.rows, best.score, best.model) == (20, 6.0, "m6")
    assert Best.from_state(best.to_state()) == best
    assert {item["rule"] for item in Best.describe()} == {"own"}


def test_what_an_authors_merge_gives_has_to_be_what_it_merges():
    def joined(left: Any, right: Any) -> Any:
        return f"{left}{right}"

    class Text(Partial):
        x: Annotated[int, Merge(joined, identity=0)] = 0

    class Wrong(Partial):
        x: Sum[int] = 0

        def merge(self, other: Wrong) -> Any:
            return {"x": 1}

    with refused("AGI-PART-003", "joined gave something else than it merges"):
        Text(x=1).merge(Text(x=2))
    with refused("AGI-PART-005", r"Wrong\.merge gave something else"):
        Wrong.merge_all([Wrong(), Wrong()])


def test_the_tree_merges_neighbours_and_follows_the_number_alone():
    def joined(left: str, right: str) -> str:
        return f"({left}{right})"

    assert merge_tree("a", joined) == "a"
    assert merge_tree("abc", joined) == "((ab)c)"
    assert merge_tree("abcdefg", joined) == "(((ab)(cd))((ef)g))"


@pytest.mark.parametrize("module", [room, reduce])
def test_every_public_class_and_function_shows_an_example_that_runs(module):
    public = [getattr(module, name) for name in module.__all__]
    shown = [thing for thing in public if isinstance(thing, type) or inspect.isfunction(thing)]
    assert len(shown) >= 5
    for thing in shown:
        assert ">>>" in (thing.__doc__ or ""), thing.__name__
    for name in {thing.__module__ for thing in shown}:
        assert doctest.testmod(sys.modules[name], optionflags=doctest.ELLIPSIS).failed == 0, name


def test_importing_partials_imports_nothing_heavy():
    code = (
        "import sys, agi_node.partial, agi_node.reduce\n"
        "print([m for m in ('numpy','polars','pandas','pyarrow','pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_type_checker_sees_the_values_and_the_constructor(tmp_path: Path):
    (tmp_path / "author.py").write_text(
        textwrap.dedent(
            """
            from __future__ import annotations
            from typing import Annotated, assert_type
            from agi_node.partial import Concat, Distinct, Min, Moments, Partial, Size, Sum

            class Inner(Partial):
                n: Sum[int] = 0

            class Summary(Partial):
                rows: Sum[int] = 0
                metres: Sum[float] = 0.0
                first: Min[float] = None
                aircraft: Distinct[str] = frozenset()
                aircraft_count: Annotated[int, Size("aircraft")] = 0
                notes: Concat[str] = ()
                speed: Moments = Moments()
                inner: Inner = Inner()

            one = Summary(rows=3)
            assert_type(one.rows, int)
            assert_type(one.metres, float)
            assert_type(one.first, float | None)
            assert_type(one.aircraft, frozenset[str])
            assert_type(one.aircraft_count, int)
            assert_type(one.notes, tuple[str, ...])
            assert_type(one.speed, Moments)
            assert_type(one.merge(one), Summary)
            assert_type(Summary.merge_all([one]).inner.n, int)
            Summary(rows="3")
            Summary(row=3)
            one.rows = 4
            one.nothing
            """
        )
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "author.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    errors = [line.split("error: ")[1] for line in done.stdout.splitlines() if "error: " in line]
    assert len(errors) == 4, done.stdout + done.stderr
    assert 'Argument "rows" to "Summary" has incompatible type "str"; expected "int"' in errors[0]
    assert 'Unexpected keyword argument "row"' in errors[1]
    assert 'Property "rows" defined in "Summary" is read-only' in errors[2]
    assert '"Summary" has no attribute "nothing"' in errors[3]
