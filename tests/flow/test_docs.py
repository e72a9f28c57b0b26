"""The page about flows is run as it stands."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest


def test_every_example_of_the_page_works(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGILAB_HOME", str(tmp_path / "home"))
    failed, tried = doctest.testfile(
        str(repository / "docs" / "flows.md"),
        module_relative=False,
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
        globs={"__name__": "a_notebook"},
    )
    assert tried >= 20
    assert failed == 0


@pytest.mark.slow
def test_the_example_of_the_readme_works(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGILAB_HOME", str(tmp_path / "home"))
    _, _, rest = (repository / "README.md").read_text(encoding="utf-8").partition("```pycon\n")
    example = doctest.DocTestParser().get_doctest(rest.partition("```")[0], {}, "README.md", None, 0)
    assert len(example.examples) == 5
    assert doctest.DocTestRunner().run(example).failed == 0
