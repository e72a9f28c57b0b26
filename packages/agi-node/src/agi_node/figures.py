"""Figures of whatever library the app uses, as PNG, SVG or Plotly's JSON."""

from __future__ import annotations

import importlib.util
import io
import os
from typing import Any

from agi_node.errors import FAILED, AgiError

_PNG = b"\x89PNG\r\n\x1a\n"
PLOTLY_MEDIA = "application/vnd.plotly.v1+json"
_INTO_FILES = frozenset({"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"})
"""Matplotlib's own backends that need neither a screen nor a notebook."""
_OF_KERNELS = frozenset({"matplotlib_inline", "ipykernel", "ipympl"})


def draw_into_files(backend: str = "agg") -> None:
    """Have Matplotlib, where it will be imported, draw into files, whatever this process inherited.

    By `backend`, unless another one that draws into files is asked for.

    A Jupyter kernel says `MPLBACKEND=module://matplotlib_inline.backend_inline` to its children, of which most
    environments know nothing, and a window that a shell asks for would wait for somebody who is not there.
    """
    said = os.environ.get("MPLBACKEND", "")
    if said.lower() == "agg" or (said.lower() not in _INTO_FILES and not _is_module_here(said)):
        os.environ["MPLBACKEND"] = backend


def _is_module_here(said: str) -> bool:
    module = said.removeprefix("module://")
    if module == said or module.partition(".")[0] in _OF_KERNELS:
        return False
    try:
        return importlib.util.find_spec(module) is not None
    except Exception:  # somebody's package, which may raise anything as it is imported
        return False


def picture(figure: Any, name: object) -> tuple[bytes, str, str]:
    """A figure as (bytes, file suffix, media type); AGI-NODE-004 for something that is none.

    Takes a Matplotlib figure or axes (PNG without the date and version it would carry), a Plotly figure, a
    Pillow image, SVG as text or bytes, PNG as bytes.
    """
    if isinstance(figure, (str, bytes)):
        data = figure.encode("utf-8") if isinstance(figure, str) else figure
        if data.startswith(_PNG):
            return data, ".png", "image/png"
        if b"<svg" in data[:4096]:
            return data, ".svg", "image/svg+xml"
    elif hasattr(figure, "savefig"):
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
        return buffer.getvalue(), ".png", "image/png"
    elif hasattr(figure, "get_figure"):
        return picture(figure.get_figure(), name)
    elif hasattr(figure, "to_plotly_json") and hasattr(figure, "to_json"):
        return str(figure.to_json()).encode("utf-8"), ".plotly.json", PLOTLY_MEDIA
    elif type(figure).__module__.partition(".")[0] == "PIL" and hasattr(figure, "save"):
        buffer = io.BytesIO()
        figure.save(buffer, format="PNG")
        return buffer.getvalue(), ".png", "image/png"
    raise AgiError(
        "AGI-NODE-004",
        f"the artifact {name!r} is no figure",
        found=f"{type(figure).__module__}.{type(figure).__qualname__}: {figure!r:.80}",
        allowed="a figure of Matplotlib or Plotly, a Pillow image, SVG text, PNG bytes",
        whose="author",
        exit_code=FAILED,
    )
