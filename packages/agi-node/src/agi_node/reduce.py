"""The reduce document `agilab.reduce.v2`: what all partials together say, and how to say it again.

A document holds the merged payload, the exact state behind it, each field's merge rule, and the id and digest
of every partial that entered. Whoever has the partials can verify it; whoever has only documents of parts
(one per worker, say) can merge them, without the app's class, to the bytes of the whole. Only an author's own
merge needs the class.

Documents are plain data, untagged; in a file they are `reduce_text(document)`, and `read_reduce_document`
takes that text back. Responsible for the document alone, not for which partials count.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import Any

from agi_node.canonical import canonical, digest, tag
from agi_node.errors import FAILED, AgiError
from agi_node.partial import Partial
from agi_node.partial.declaration import shape_of
from agi_node.partial.description import described
from agi_node.partial.document import (
    SCHEMA,
    agrees,
    broken,
    differs,
    not_following,
    read_reduce_document,
    twice,
)
from agi_node.partial.own import own_merge
from agi_node.partial.refusal import DIFFERENT, MISMATCH, shown, within
from agi_node.partial.shape import Shape, States

__all__ = [
    "SCHEMA",
    "merge_reduce_documents",
    "read_reduce_document",
    "reduce_document",
    "reduce_text",
    "verify_reduce_document",
]


def reduce_document(
    name: str,
    partial_type: type[Partial],
    partials: Iterable[tuple[str, Any]],
    metadata: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The document of some partials, given as (id, state) in any order.

    The partials are listed, and by an author's own merge also merged, in the order of their ids, so the
    document is the same whatever order they came in. They are read one after the other and need not fit into
    memory together, unless the merge is the author's own. No partials give the identity. Raises AGI-PART-006
    naming the partial whose state does not fit, AGI-PART-010 for an id that comes twice.

    >>> from agi_node.partial import Partial, Sum
    >>> class Rows(Partial):
    ...     rows: Sum[int] = 0
    >>> document = reduce_document("rows", Rows, [("b", {"rows": 2}), ("a", {"rows": 3})])
    >>> document["payload"], [partial["id"] for partial in document["partials"]]
    ({'rows': 5}, ['a', 'b'])
    """
    shape = shape_of(partial_type)
    listed: list[dict[str, Any]] = []

    def states(rows: Iterable[tuple[str, Any]]) -> Iterator[States]:
        for key, state in rows:
            try:
                read = shape.read(state)
            except AgiError as error:
                raise within(f"partial {key!r}", error) from None
            listed.append({"id": key, "digest": digest(state)})
            yield read

    rows = partials if shape.repeatable else sorted(partials, key=itemgetter(0))
    merged = shape.fold_lazily(states(rows))
    return _document(name, partial_type.__name__, shape, listed, merged, dict(metadata or {}))


def merge_reduce_documents(documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The document of all partials of one or more documents, by their declared rules alone.

    The same payload and state, to the byte, as `reduce_document` of all the partials. Metadata keep what the
    documents agree on. Raises AGI-PART-005 for documents of different things, -008 for a damaged one, -009
    where the author's own merge is needed, -010 for a partial that is in two of them.

    >>> from agi_node.partial import Partial, Sum
    >>> class Rows(Partial):
    ...     rows: Sum[int] = 0
    >>> parts = [reduce_document("rows", Rows, [(key, {"rows": 1})]) for key in ("a", "b")]
    >>> merge_reduce_documents(parts)["payload"]
    {'rows': 2}
    """
    if not documents:
        broken("nothing to merge", [], "one or more reduce documents")
    read = [read_reduce_document(document) for document in documents]
    first = read[0]
    for at, document in enumerate(read):
        if "converted" in document:
            raise AgiError(
                MISMATCH,
                f"documents[{at}] ({document['name']}) carries no state, so it cannot be merged again",
                found=document["converted"],
                allowed=SCHEMA,
                try_="reduce the partials again with this AGILab",
                exit_code=FAILED,
            )
        for key in ("name", "reducer", "fields"):
            if canonical(document[key]) != canonical(first[key]):
                raise AgiError(
                    DIFFERENT,
                    f"documents[{at}].{key} is not that of documents[0]: they reduce different things",
                    found=shown(document[key]),
                    allowed=shown(first[key]),
                    exit_code=FAILED,
                )
    shape = described(first["reducer"], first["fields"])
    if not shape.repeatable:
        raise own_merge(first["reducer"])
    listed = [partial for document in read for partial in document["partials"]]
    merged = shape.fold([shape.read(document["state"]) for document in read])
    agreed = {
        key: value
        for key, value in first["metadata"].items()
        if all(key in other["metadata"] and other["metadata"][key] == value for other in read)
    }
    return _document(first["name"], first["reducer"], shape, listed, merged, agreed, first["fields"])


def verify_reduce_document(
    document: dict[str, Any],
    partials: Iterable[tuple[str, Any]],
    partial_type: type[Partial] | None = None,
) -> None:
    """Recompute a document from its partials, given as (id, state); return if it holds.

    Raises AGI-PART-008 naming the partial that is missing, added or changed, or the payload or state that
    does not follow from them. Where the merge is the author's own, payload and state can be checked only
    with `partial_type`; without it AGI-PART-009 says so, once the partials themselves were found to be right.

    >>> from agi_node.partial import Partial, Sum
    >>> class Rows(Partial):
    ...     rows: Sum[int] = 0
    >>> document = reduce_document("rows", Rows, [("a", {"rows": 2})])
    >>> verify_reduce_document(document, [("a", {"rows": 2})])
    >>> verify_reduce_document(document, [("a", {"rows": 3})])
    Traceback (most recent call last):
    agi_node.errors.AgiError: error[AGI-PART-008]: reduce document rows: partial 'a' has another digest
    ...
    """
    document = read_reduce_document(document)
    if "converted" in document:
        raise AgiError(
            MISMATCH,
            f"{document['name']} has no digests to verify",
            found=document["converted"],
            allowed=SCHEMA,
            exit_code=FAILED,
        )
    expected = {partial["id"]: partial["digest"] for partial in document["partials"]}
    rows = list(partials)
    present = {key: digest(state) for key, state in rows}
    for key in sorted(expected.keys() | present.keys()):
        if key not in present:
            differs(document, f"partial {key!r} is listed and not there", "nothing", expected[key])
        if key not in expected:
            differs(document, f"partial {key!r} is there and not listed", present[key], "nothing")
        if present[key] != expected[key]:
            differs(document, f"partial {key!r} has another digest", present[key], expected[key])
    shape = shape_of(partial_type) if partial_type else described(document["reducer"], document["fields"])
    if canonical(shape.describe()) != canonical(document["fields"]):
        differs(document, "the fields are others", shown(document["fields"]), shown(shape.describe()))
    if not shape.repeatable and partial_type is None:
        raise own_merge(document["reducer"])
    again = _document(
        document["name"],
        document["reducer"],
        shape,
        [{"id": key, "digest": present[key]} for key, _ in rows],
        shape.fold_lazily(shape.read(state) for _, state in sorted(rows, key=itemgetter(0))),
        document["metadata"],
    )
    for key in ("state", "payload"):
        if not agrees(document[key], again[key]):
            not_following(document, key, "partials", again)


def reduce_text(document: dict[str, Any]) -> str:
    """A document as the text of its file: indented JSON, with big integers and infinities tagged.

    >>> from agi_node.partial import Partial, Sum
    >>> class Rows(Partial):
    ...     rows: Sum[int] = 0
    >>> document = reduce_document("rows", Rows, [("a", {"rows": 2**60})])
    >>> read_reduce_document(reduce_text(document)) == document
    True
    """
    return json.dumps(tag(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _document(
    name: str,
    reducer: str,
    shape: Shape,
    listed: list[dict[str, Any]],
    merged: States,
    metadata: dict[str, Any],
    fields: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    listed = sorted(listed, key=itemgetter("id"))
    for before, after in pairwise(listed):
        if before["id"] == after["id"]:
            raise twice(name, after["id"])
    return {
        "schema": SCHEMA,
        "name": name,
        "reducer": reducer,
        "partial_count": len(listed),
        "partials": listed,
        "fields": shape.describe() if fields is None else fields,
        "payload": shape.payload(merged),
        "state": shape.write(merged),
        "metadata": metadata,
    }
