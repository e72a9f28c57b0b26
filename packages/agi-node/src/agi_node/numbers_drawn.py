"""Whether the code of a stage drew from the random numbers that Python and NumPy keep for the whole process.

A stage begins with new ones (`apart`). What libraries draw no reading of the stage's code tells; the generators do.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

_SEEDED = 624
"""Where a Mersenne Twister stands when it was seeded and nothing was drawn since; after 624 numbers it does again."""
_NEW = 623
"""Where NumPy's stands when it seeded itself, as it does when it is imported."""


def states() -> dict[str, tuple[bytes, int]]:
    """By module, the numbers that its own generator has, and where it stands among them."""
    found: dict[str, tuple[bytes, int]] = {}
    random: Any = sys.modules.get("random")
    if random is not None:
        *numbers, at = random.getstate()[1]
        found["random"] = repr(numbers[:2]).encode(), at
    # Without NumPy's random numbers nobody has drawn any, and a lazy module would be imported by asking.
    legacy: Any = sys.modules.get("numpy.random.mtrand")
    if legacy is not None:
        kind, numbers, at, *_ = legacy.get_state()
        if kind == "MT19937":
            found["numpy.random"] = numbers[:2].tobytes(), at
    return found


def of_the_process() -> Any:
    """NumPy's generator of the process, which objects of libraries keep: a frozen distribution of SciPy.

    Read in another process it is that one's, and no copy of this.
    """
    import numpy.random

    return numpy.random.mtrand._rand  # as SciPy and scikit-learn ask for it


def is_of_the_process(found: Any) -> bool:
    legacy: Any = sys.modules.get("numpy.random.mtrand")
    return legacy is not None and found is getattr(legacy, "_rand", None)


def drew(before: Mapping[str, tuple[bytes, int]]) -> list[str]:
    """The modules from whose own generator numbers were drawn since it was seeded, or since these were its states."""
    return [
        module
        for module, (numbers, at) in states().items()
        if at != _SEEDED and before.get(module, (numbers, _NEW)) != (numbers, at)
    ]
