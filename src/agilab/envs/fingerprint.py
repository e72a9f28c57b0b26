"""What makes two environments the same."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from agi_node.canonical import digest


@dataclass(frozen=True)
class FingerprintInputs:
    """Everything that an environment is made from; equal inputs make equal environments.

    Attributes:
        export: SHA-256 of what `uv export` prints for the app's lock: every package with version and hashes.
        implementation: `sys.implementation.name`.
        python_version: The full version, with "+freethreaded" where the interpreter has no GIL.
        platform: `sysconfig.get_platform()`.
        agi_node: Digest of the `agi_node` sources, see `node_wheel.source_digest`.
    """

    export: str
    implementation: str
    python_version: str
    platform: str
    agi_node: str

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the canonical JSON of the inputs, as 64 hex digits."""
        return digest(self.to_plain())

    def to_plain(self) -> dict[str, Any]:
        """The inputs as `environment.json` records them."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> FingerprintInputs:
        """The inverse of `to_plain`; raises KeyError for a missing input."""
        return cls(**{name: str(plain[name]) for name in cls.__dataclass_fields__})
