"""Credentials that stand in a notebook: found, counted, and never repeated."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

_HINTS = (
    "AKIA", "ASIA", "gho_", "ghp_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "sk-", "AIza", "hf_", "xox",
    "k_live_",
    "pypi-", "eyJ", "-----BEGIN", "://",
)  # fmt: skip
"""One of these is in every text that `shaped` finds something in; looking for them costs next to nothing."""

HIDDEN = "•••"
"""What stands in a secret's place, wherever a text of the notebook is shown."""

_SHAPES = (
    ("an AWS access key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,})\b"),
    ("a GitLab token", r"\bglpat-[\w\-]{20,}"),
    (
        "an OpenAI-style key",
        r"(?<![#.\w\-])sk-(?:[A-Za-z0-9]{20,}|(?:ant|admin|or|proj|svcacct)-[\w\-]{20,})",
    ),
    ("a Google API key", r"\bAIza[0-9A-Za-z_\-]{35}"),
    ("a Hugging Face token", r"\bhf_[A-Za-z0-9]{30,}\b"),
    ("a Slack token", r"\bxox[abprs]-[A-Za-z0-9\-]{10,}"),
    ("a Stripe key", r"\b[rs]k_live_[A-Za-z0-9]{20,}"),
    ("a PyPI token", r"\bpypi-[A-Za-z0-9_\-]{40,}"),
    ("a JSON web token", r"\beyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}"),
    ("a private key", r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
)
# scikit-learn's pictures of models are full of `sk-toggleable__label-arrow` and `#sk-9b5446bb-0900-…`: no keys.
_SHAPE = re.compile("|".join(f"(?P<s{number}>{pattern})" for number, (_, pattern) in enumerate(_SHAPES)))
_IN_URL = re.compile(r"(?<=://)[^\s/@:'\"{}$]*:(?P<secret>[^\s/@'\"{}$]+)(?=@)")
_TOKEN_IN_URL = re.compile(r"(?<=://)(?P<secret>[^\s/@:'\"{}$]{16,})(?=@)")
_IN_QUERY = re.compile(
    r"(?i)(?<=[?&])(?:api_?key|access_?token|token|key|secret|password|sig|auth)=(?P<secret>[^\s&'\"{}$]{6,})"
)
_IN_HEADER = re.compile(r"(?i)\b(?:bearer|basic|token)\s+(?P<secret>[A-Za-z0-9_\-.=+/]{16,})")
_ASSIGNED = re.compile(
    r"(?i)(?P<name>[\w\-]*(?:api[_\-]?key|secret|token|passw(?:or)?d|pwd|access[_\-]?key|credential)[\w\-]*)"
    r"\s*[\"']?\s*\]?\s*[=:]\s*[\"']?(?P<secret>[^\s\"'#,;)}\]]{6,})"
)
_NAME = re.compile(
    r"(?i)(?:^|[_\-])(?:api_?key|secret(?:_?key)?|(?:access|auth|api|bearer|refresh|hf|github)_?token|token|passw(?:or)?d|"
    r"passphrase|pwd|access_?key|private_?key|credentials?)$"
)
_PLACEHOLDER = re.compile(
    r"(?i)^(?:.*(?:your|my_?|insert|replace|example|dummy|placeholder|change.?me|todo|fake|xxx|\*\*\*|\.\.\.|<|>|\{|\$)"
    r".*|none|null|true|false|(.)\1*|password|secret|token|test(?:ing)?|admin|os\.environ.*|getpass.*)$"
)


def is_secret_name(name: str) -> bool:
    """Whether a variable, keyword or key of that name usually holds a credential."""
    return bool(_NAME.search(name)) or name.lower() in ("apikey", "authtoken")


def is_literal_secret(value: str, name: str = "") -> bool:
    """Whether the value of such a name looks like a real one: no placeholder, no sentence, not the name itself.

    >>> is_literal_secret("aws_secret_key", "AWS_SECRET_KEY"), is_literal_secret("wJalrXUtnFEMI", "AWS_SECRET_KEY")
    (False, True)
    """
    if _bare(value) == _bare(name) or any(letter.isspace() for letter in value):
        return False
    return 6 <= len(value) <= 4096 and not _PLACEHOLDER.match(value)


def _bare(text: str) -> str:
    return re.sub(r"[_\-]", "", text).lower()


def shaped(text: str) -> Iterator[tuple[str, str, int]]:
    """(kind, secret, position) of whatever has the shape of a known credential."""
    if not any(hint in text for hint in _HINTS):
        return
    for match in _SHAPE.finditer(text):
        kind = _SHAPES[int((match.lastgroup or "s0")[1:])][0]
        yield kind, match.group(), match.start()
    for kind, pattern in (
        ("a password in a URL", _IN_URL),
        ("a token in a URL", _TOKEN_IN_URL),
        ("a key in a URL", _IN_QUERY),
    ):
        for match in pattern.finditer(text):
            if not _PLACEHOLDER.match(match["secret"]):
                yield kind, match["secret"], match.start("secret")


def redact(text: str) -> str:
    """Text without what looks like a credential, for showing.

    >>> redact("curl -H 'Authorization: Bearer abcdef0123456789abcdef'")
    "curl -H 'Authorization: Bearer •••'"
    """
    text = _SHAPE.sub(HIDDEN, text)
    for pattern in (_IN_URL, _TOKEN_IN_URL, _IN_QUERY, _IN_HEADER, _ASSIGNED):
        text = pattern.sub(lambda match: match.group().replace(match["secret"], HIDDEN), text)
    return text


def name_of(target: ast.expr | None) -> str:
    """What an assignment's target is called: a name, an attribute, or a literal key; empty where it has no name."""
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Attribute):
        return target.attr
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        return str(target.slice.value)
    return ""
