"""The command `agilab`, also as `python -m agilab`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line and return its exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        # Answered before a command line is even built: people and scripts ask this most often.
        from agilab import __version__

        print(f"agilab {__version__}")
        return 0
    from agilab.cli.boundary import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
