"""An author's own merge, and the tree of fixed shape in which it is applied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from agi_node.errors import FAILED, AgiError
from agi_node.partial.refusal import OWN_MERGE, within
from agi_node.partial.scalars import Kind


def own_merge(what: str) -> AgiError:
    """The error for a merge that only the app's class can do."""
    return AgiError(
        OWN_MERGE,
        f"{what}: only the author's own merge knows how these values merge",
        found="rule own",
        allowed="fields with declared rules (Sum, Min, Moments, …)",
        try_="merge in the app's environment, with its partial class",
        whose="author",
        exit_code=FAILED,
    )


@dataclass(frozen=True)
class Own:
    """An author's own function over plain values, applied in a tree of fixed shape.

    Without a function (a description, or a field of a class that overrides `merge`) it can be read and
    shown, but not merged: AGI-PART-009.
    """

    kind: Kind
    fn: Callable[[Any, Any], Any] | None
    identity: Any
    name: ClassVar[str] = "own"
    repeatable: ClassVar[bool] = False

    @property
    def type(self) -> str:
        return self.kind.text

    def accept(self, value: Any) -> Any:
        return self.kind.accept(value)

    def value(self, own: Any) -> Any:
        return own

    def merge(self, left: Any, right: Any) -> Any:
        if self.fn is None:
            raise own_merge(self.type)
        merged = self.fn(left, right)
        try:
            return self.kind.accept(merged)
        except AgiError as error:
            name = getattr(self.fn, "__name__", repr(self.fn))
            raise within(f"{name} gave something else than it merges", error) from None

    def fold(self, column: Sequence[Any]) -> Any:
        return merge_tree(column, self.merge)

    def write(self, own: Any) -> Any:
        return self.kind.encode(own)

    def read(self, plain: Any) -> Any:
        return self.kind.decode(plain)

    def payload(self, own: Any) -> Any:
        return self.kind.plain(own)

    def details(self) -> dict[str, Any]:
        return {}


def merge_tree(values: Sequence[Any], merge: Callable[[Any, Any], Any]) -> Any:
    """Merge one or more values pairwise in a tree whose shape follows from their number alone.

    Neighbours merge first, an odd last one moves up as it is. So a merge that is associative only up to
    rounding gives the same bytes whoever computes it, and no value is merged more than log2(n) times.

    >>> merge_tree(["a", "b", "c", "d", "e"], lambda left, right: f"({left}{right})")
    '(((ab)(cd))e)'
    """
    level = list(values)
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        level = [merge(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)] + odd
    return level[0]
