"""What a rule is: the way in which the values of one field merge.

A rule works on its *own* values: what `accept` makes of an author's value, what `merge` and `fold` take and
give, and what `write` turns into plain JSON. Rules know no field names and no classes of an app, so that a
reduce document's fields can be merged again by anyone who reads their descriptions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Rule(Protocol):
    """How the values of one field are taken, merged, written and shown.

    Laws, tested for every rule: `merge` is associative and commutative with `identity` as its neutral
    value, `fold` equals any sequence of merges, `read` inverts `write`. An author's own merge may break
    the first two by rounding.
    """

    @property
    def name(self) -> str:
        """The rule's word in a description."""

    @property
    def type(self) -> str:
        """The text of the value's type in a description."""

    @property
    def identity(self) -> Any:
        """The value of a field that nobody has set."""

    @property
    def repeatable(self) -> bool:
        """Whether the description alone suffices to merge."""

    def accept(self, value: Any) -> Any:
        """An author's value as an own value; raises AGI-PART-003 or -004."""

    def value(self, own: Any) -> Any:
        """What the author reads from the field."""

    def merge(self, left: Any, right: Any) -> Any:
        """The merged own value."""

    def fold(self, column: Sequence[Any]) -> Any:
        """Many own values merged (one or more)."""

    def write(self, own: Any) -> Any:
        """The plain, exact form."""

    def read(self, plain: Any) -> Any:
        """The inverse of `write`; raises AGI-PART-006."""

    def payload(self, own: Any) -> Any:
        """The plain, readable form."""

    def details(self) -> dict[str, Any]:
        """What a description says beyond rule, type and identity."""
