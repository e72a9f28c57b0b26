"""What a run is of, said by the name it stands under: `flight_project` is an app, `lab:study` a lab, `flow:fit` a flow.

A colon cannot stand in the name of an app's folder, so that no app can be taken for one of the others.
"""

from typing import Literal, cast

Kind = Literal["app", "lab", "flow"]


def subject(kind: Kind, name: str) -> str:
    """The name under which the runs of something stand.

    >>> subject("app", "flight_project"), subject("lab", "study")
    ('flight_project', 'lab:study')
    """
    return name if kind == "app" else f"{kind}:{name}"


def kind_of(subject: str) -> tuple[Kind, str]:
    """The kind of what a run is of, and its own name.

    >>> kind_of("flight_project"), kind_of("lab:study")
    (('app', 'flight_project'), ('lab', 'study'))
    """
    kind, _, name = subject.partition(":")
    return (cast(Kind, kind), name) if kind in ("lab", "flow") and name else ("app", subject)
