"""Pictures and pages are looked at in one real browser, by one of the test processes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from tests.browser import Browser, browser

__all__ = ["browser"]

Look = Callable[[str, str], None]
WIDTHS = (1280, 420)
"""Of a window: a desk's and a telephone's, in px."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture
def looks_well(browser: Browser, tmp_path: Path) -> Look:
    """Opens a text under a name, light and dark, wide and narrow: nobody may have anything to complain about."""

    def look(name: str, text: str) -> None:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        with browser.page(path.as_uri()) as page:
            for scheme, width in product(("light", "dark"), WIDTHS):
                page.show(scheme, width)
                assert page.complaints() == [], f"{name}, {scheme}, {width} px"

    return look
