"""The package's README is tried as it stands."""

from __future__ import annotations

import doctest
from pathlib import Path

README = Path(__file__).parents[2] / "packages" / "agi-node" / "README.md"


def test_the_readme_s_example_works(tmp_path: Path) -> None:
    for name, text in {"jura": "1720 1607", "alps": "4808 3970 3222"}.items():
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / f"{name}.csv").write_text(text)
    failed, tried = doctest.testfile(
        str(README),
        module_relative=False,
        globs={"folder": tmp_path},
        optionflags=doctest.NORMALIZE_WHITESPACE,
    )
    assert tried >= 10
    assert failed == 0
