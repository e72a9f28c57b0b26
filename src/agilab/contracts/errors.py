"""The error that every room raises, re-exported from `agi_node` so that no room has two sources for it."""

from __future__ import annotations

from agi_node.errors import DONE, ENVIRONMENT, FAILED, INTERRUPTED, USAGE, AgiError, Whose

__all__ = ["DONE", "ENVIRONMENT", "FAILED", "INTERRUPTED", "USAGE", "AgiError", "Whose"]
