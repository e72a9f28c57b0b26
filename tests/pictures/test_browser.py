"""The one who looks: each fault that pictures and pages must not have is found where it is, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import Browser

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="100" viewBox="0 0 300 100" role="img">'
FAULTS = {
    "text outside its box": (
        f'{HEAD}<title>t</title><g class="stage"><rect class="box" width="20" height="20" fill="#fff"/>'
        '<text x="2" y="14">far too long</text></g></svg>',
        "is outside its box by",
    ),
    "labels over one another": (
        f'{HEAD}<title>t</title><text x="5" y="20">one label</text><text x="30" y="22">other</text></svg>',
        "lie over one another",
    ),
    "cut at the edge": (
        f'{HEAD}<title>t</title><text x="280" y="20">beyond</text></svg>',
        "is cut at the edge",
    ),
    "wider than the window": (
        '<svg xmlns="http://www.w3.org/2000/svg" width="2000" height="9" role="img"><title>t</title></svg>',
        "in a window of 1280 px",
    ),
    "grey on grey": (
        f'{HEAD}<title>t</title><rect width="300" height="100" fill="#777"/>'
        '<text x="9" y="20" fill="#888">x</text></svg>',
        "has a contrast of 1.2",
    ),
    "nameless": (f'{HEAD}<rect width="9" height="9"/></svg>', "the picture has no name"),
    "a script": (f"{HEAD}<title>t</title><script>let a = 1</script></svg>", "there is a script in it"),
    "an error": (f"{HEAD}<title>t</title><script>nothing.here</script></svg>", "says Uncaught"),
    "a fetch": (
        f'{HEAD}<title>t</title><image href="http://localhost:9/x.png" width="9" height="9"/></svg>',
        "fetches http://localhost:9/x.png",
    ),
}
MOUSE = (
    '<!doctype html><html lang="en"><head><title>t</title></head><body><main><h1>t</h1>'
    '<div onclick="0">press</div></main></body></html>'
)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str, browser: Browser, tmp_path: Path) -> None:
    text, said = FAULTS[fault]
    path = tmp_path / "x.svg"
    path.write_text(text)
    with browser.page(path.as_uri()) as page:
        assert any(said in one for one in page.complaints()), page.complaints()


def test_what_only_a_mouse_reaches_is_found(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "x.html"
    path.write_text(MOUSE)
    with browser.page(path.as_uri()) as page:
        assert page.complaints() == ["only a mouse reaches DIV"]


def test_a_window_is_as_wide_and_as_dark_as_was_asked_for(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "x.html"
    path.write_text(MOUSE)
    with browser.page(path.as_uri(), scheme="dark", width=420) as page:
        assert page.evaluate("[innerWidth, matchMedia('(prefers-color-scheme: dark)').matches]") == [
            420,
            True,
        ]
        assert page.screenshot(tmp_path / "x.png").read_bytes()[1:4] == b"PNG"
