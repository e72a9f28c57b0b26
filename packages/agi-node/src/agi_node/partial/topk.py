"""The greatest few, with their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from agi_node.errors import AgiError
from agi_node.partial import exact
from agi_node.partial.refusal import declaration, different, foreign, unfit, within
from agi_node.partial.scalars import SIMPLE

Item = tuple[float, str]
_PAIR: Final = "pairs of (number, label), such as (812.5, 'F-GKXA')"
_number = SIMPLE["float"].accept
_label = SIMPLE["str"].accept


class TopK:
    """The k greatest numbers of a bag, each with a label, greatest first; equal numbers by label.

    `TopK(k)` is empty, and as the default of a partial's field it fixes the field's k. The same pair twice
    counts twice. Raises AGI-PART-001 unless k is a whole number from 1.

    >>> TopK.of([(3.0, "c"), (9.0, "a"), (9.0, "b")], k=2).items
    ((9.0, 'a'), (9.0, 'b'))
    """

    __slots__ = ("_items", "_k")

    _k: int
    _items: tuple[Item, ...]

    def __init__(self, k: int) -> None:
        if type(k) is not int or k < 1:
            raise declaration(
                "TopK keeps a fixed number of items", found=f"{k!r:.80}", allowed="a whole number from 1"
            )
        self._k = k
        self._items = ()

    @classmethod
    def of(cls, pairs: Iterable[tuple[float, str]], k: int) -> TopK:
        """The k greatest of the (number, label) pairs.

        Raises AGI-PART-003 for a NaN or for what is no such pair.

        >>> TopK.of(zip([1, 5], ["x", "y"]), k=1).items
        ((5.0, 'y'),)
        """
        top = cls(k)
        items = []
        try:
            for number, label in pairs:
                items.append((_number(number), _label(label)))
        except AgiError as error:
            raise within(f"TopK.of: pair {len(items)}", error) from None
        except (TypeError, ValueError):
            raise within(f"TopK.of: pair {len(items)}", unfit(pairs, _PAIR)) from None
        return _topk(k, items) if items else top

    @property
    def k(self) -> int:
        """How many items are kept at most."""
        return self._k

    @property
    def items(self) -> tuple[Item, ...]:
        """The kept (number, label) pairs, greatest number first."""
        return self._items

    def merge(self, other: TopK) -> TopK:
        """The greatest of both. Raises AGI-PART-005 when k differs."""
        return self.merge_all([self, other])

    @staticmethod
    def merge_all(parts: Sequence[TopK]) -> TopK:
        """The greatest of one or more, equal to any sequence of `merge`."""
        k = parts[0]._k
        for part in parts:
            if not isinstance(part, TopK):
                raise different("only a TopK merges with a TopK", found=type(part).__name__, allowed="TopK")
            if part._k != k:
                raise different(
                    "TopK of different length do not merge", found=f"k={part._k}", allowed=f"k={k}"
                )
        return _topk(k, [item for part in parts for item in part._items])

    def empty(self) -> TopK:
        """The identity of the merge: no items, the same k."""
        return TopK(self._k)

    def to_state(self) -> dict[str, Any]:
        """The exact, mergeable form, as plain JSON.

        >>> TopK.of([(0.5, "a")], k=3).to_state()
        {'k': 3, 'items': [['1*2^-1', 'a']]}
        """
        return {"k": self._k, "items": [[exact.write_double(number), label] for number, label in self._items]}

    @classmethod
    def from_state(cls, plain: Any) -> TopK:
        """The inverse of `to_state`. Raises AGI-PART-006 for anything else."""
        if type(plain) is not dict or plain.keys() != {"k", "items"} or type(plain["items"]) is not list:
            raise _no_state(plain)
        try:
            items = [(_number(exact.read_double(number)), _label(label)) for number, label in plain["items"]]
            top = cls(plain["k"])
        except (TypeError, ValueError, AgiError) as error:
            raise _no_state(plain) from error
        top._items = tuple(items)
        if len(items) > top._k or top._items != tuple(sorted(items, key=_rank)):
            raise _no_state(plain)
        return top

    def to_payload(self) -> list[dict[str, Any]]:
        """What a person reads: the items, greatest first."""
        return [{"value": number, "label": label} for number, label in self._items]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TopK) and (self._k, self._items) == (other._k, other._items)

    def __hash__(self) -> int:
        return hash((self._k, self._items))

    def __repr__(self) -> str:
        return f"TopK(k={self._k}, items={list(self._items)})"


def _no_state(plain: Any) -> AgiError:
    return foreign("no state of a TopK", found=plain, allowed="k and items, greatest first")


def _rank(item: Item) -> tuple[float, str]:
    return -item[0], item[1]


def _topk(k: int, items: list[Item]) -> TopK:
    made = TopK(k)
    made._items = tuple(sorted(items, key=_rank)[:k])
    return made
