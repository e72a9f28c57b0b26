"""Notebooks for tests, made of a few words."""

from __future__ import annotations

import json
from typing import Any

PYTHON = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "version": "3.11.4"},
}


def code(
    source: str, count: int | None = None, outputs: list[Any] | None = None, **keys: Any
) -> dict[str, Any]:
    """A code cell of nbformat 4."""
    return {
        "cell_type": "code",
        "execution_count": count,
        "metadata": {},
        "outputs": outputs or [],
        "source": source,
        **keys,
    }


def markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def notebook(*cells: Any, metadata: Any = PYTHON, minor: int = 4, **keys: Any) -> bytes:
    """A notebook of nbformat 4; texts are code cells."""
    made = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": minor, "metadata": metadata, "cells": made, **keys}
    ).encode()


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def display(**data: Any) -> dict[str, Any]:
    """A display of data by MIME type, with `_` for `/`."""
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {mime.replace("_", "/"): value for mime, value in data.items()},
    }
