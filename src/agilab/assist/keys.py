"""Keys by reference: `env:NAME` or `keyring:NAME`. A value is read when it is needed and goes into a header alone."""

from __future__ import annotations

import os
import re
from typing import Any

from agi_node.errors import ENVIRONMENT, AgiError

SERVICE = "agilab"
"""Under which service a system's keyring has our keys."""
SECRET = 8
"""Signs that a key has at least, where it is one."""
_REFERENCE = re.compile(r"(env|keyring):[A-Za-z_][A-Za-z0-9_.-]{0,127}")


class Key:
    """A key that nothing prints.

    >>> print(Key("sk-secret"), [Key("sk-secret")])
    (a key) [(a key)]
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def header(self) -> str:
        """The one use of it."""
        return f"Bearer {self._value}"

    def removed_from(self, text: str) -> str:
        """The text without the key, should a server have sent it back."""
        return text.replace(self._value, "(a key)") if self._value else text

    def is_in(self, text: str) -> bool:
        """Whether a text holds the key. A few letters are no secret: servers without keys are given `EMPTY`."""
        return len(self._value) >= SECRET and self._value in text

    def begun_in(self, text: str) -> int:
        """How many signs at the end of a text may be the beginning of the key.

        >>> Key("sk-12345").begun_in("the key: sk-"), Key("sk-12345").begun_in("a desk")
        (3, 2)
        """
        if len(self._value) < SECRET:
            return 0
        lengths = range(min(len(self._value) - 1, len(text)), 0, -1)
        return next((length for length in lengths if text.endswith(self._value[:length])), 0)

    def __repr__(self) -> str:
        return "(a key)"

    def __reduce__(self) -> Any:
        raise TypeError("a key is not written anywhere")


def checked_reference(reference: str) -> str:
    """The reference, if it is one. Raises AGI-ASSIST-020 otherwise, without showing what may be a key."""
    if _REFERENCE.fullmatch(reference):
        return reference
    raise AgiError(
        "AGI-ASSIST-020",
        "a key is given by reference, not by itself",
        found="(not shown: it may be a key)",
        allowed="env:NAME (a variable of the environment) or keyring:NAME (the system's keyring)",
        try_="export MY_KEY=…; agilab workflow ask … --key env:MY_KEY",
    )


def read_key(reference: str) -> Key:
    """The key that a reference means. Raises AGI-ASSIST-020, or AGI-ASSIST-021 where there is none."""
    place, _, name = checked_reference(reference).partition(":")
    value = os.environ.get(name, "") if place == "env" else _from_keyring(name)
    if not value.strip():
        raise AgiError(
            "AGI-ASSIST-021",
            f"there is no key at {reference}",
            found="nothing" if not value else "blanks",
            allowed="a key",
            try_=f"export {name}=…" if place == "env" else f"keyring set {SERVICE} {name}",
            whose="environment",
            exit_code=ENVIRONMENT,
        )
    if not re.fullmatch(r"[\x21-\x7e]+", value.strip()):
        raise AgiError(
            "AGI-ASSIST-021",
            f"the key at {reference} cannot be sent",
            found="(not shown) characters that no header has",
            allowed="visible ASCII, on one line",
            whose="environment",
            exit_code=ENVIRONMENT,
        )
    return Key(value.strip())


def _from_keyring(name: str) -> str:
    from importlib import import_module

    try:
        keyring: Any = import_module("keyring")
    except ImportError:
        raise AgiError(
            "AGI-ASSIST-021",
            "the system's keyring cannot be asked",
            found="no package keyring beside agilab",
            allowed="the package keyring, or a variable of the environment",
            try_="pip install keyring (or --key env:NAME)",
            whose="environment",
            exit_code=ENVIRONMENT,
        ) from None
    try:
        return str(keyring.get_password(SERVICE, name) or "")
    except Exception as error:  # every backend has errors of its own, and none may take the command down
        raise AgiError(
            "AGI-ASSIST-021",
            f"the system's keyring does not answer for {name}",
            found=type(error).__name__,
            allowed="an unlocked keyring, or --key env:NAME",
            whose="environment",
            exit_code=ENVIRONMENT,
        ) from None
