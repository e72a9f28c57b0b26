"""The steps of `notebooks.py` as a script: the first is 0, each other adds one, the last one writes the number down.

    python cells_plain.py STEPS FILE             one after the other
    python cells_plain.py STEPS FILE --keep DIR  each result kept as a pickle and found again, as people do

Prints the number as JSON.
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path


def kept(folder: Path, step: int, number: int) -> int:
    """A step's result, from its file where it has one."""
    path = folder / f"step_{step}_{number}.pickle"
    if path.exists():
        found: int = pickle.loads(path.read_bytes())
        return found
    path.write_bytes(pickle.dumps(number + 1))
    return number + 1


def main() -> None:
    steps, file = int(sys.argv[1]), Path(sys.argv[2])
    folder = Path(sys.argv[4]) if "--keep" in sys.argv else None
    number = 0
    for step in range(1, steps):
        number = kept(folder, step, number) if folder else number + 1
    file.write_text(str(number), encoding="utf-8")
    print(json.dumps({"payload": number}))


if __name__ == "__main__":
    main()
