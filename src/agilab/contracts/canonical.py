"""Canonical JSON and digests, re-exported from `agi_node`: worker and workbench agree on every byte."""

from __future__ import annotations

from agi_node.canonical import canonical, digest, sha256_bytes, sha256_file, tag, untag

__all__ = ["canonical", "digest", "sha256_bytes", "sha256_file", "tag", "untag"]
