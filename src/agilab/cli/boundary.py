"""Where the command line begins and ends: every way out of a command becomes an exit code and a readable line."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agi_node.errors import DONE, ENVIRONMENT, FAILED, INTERRUPTED, USAGE, AgiError

_ANSWER_WITH_A_RUN_RESULT = ("run", "first-proof")


def run(words: Sequence[str]) -> int:
    """Run `agilab WORDS` and return its exit code.

    0 done, 1 the thing asked about failed, 2 usage, 3 environment, 130 interrupted. Errors go to stderr; with
    `--json` they are on stdout too, as the one JSON document.
    """
    began = time.monotonic()
    try:
        return _outcome(list(words), began)
    except BrokenPipeError:
        # The reader had enough (`| head`). What was asked was done as far as anybody wanted to see.
        from agilab.cli.render import silence_stdout

        silence_stdout()
        return DONE
    except KeyboardInterrupt:
        _say_interrupted()
        return INTERRUPTED


def _outcome(words: list[str], began: float) -> int:
    import click

    from agilab.cli.main import cli

    try:
        code = cli.main(words, prog_name="agilab", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else DONE
    except AgiError as error:
        return _report(error, words, began)
    except click.exceptions.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as problem:
        return _report(_usage(problem), words, began)
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except SystemExit as left:
        # click answers a closed pipe with exit code 1 by itself, whatever `standalone_mode` says.
        if isinstance(left.__context__, OSError) and left.__context__.errno == errno.EPIPE:
            raise BrokenPipeError from None
        raise
    except Exception as problem:
        if os.environ.get("AGILAB_DEBUG"):
            raise
        return _report(_refused_by_the_disk(problem) or _unexpected(problem, words), words, began)


def _report(error: AgiError, words: list[str], began: float) -> int:
    if "--json" in words:
        print(_json(error, words, began))
        sys.stdout.flush()
    from agilab.cli.render import print_error

    print_error(error)
    return error.exit_code


def _json(error: AgiError, words: list[str], began: float) -> str:
    """The error as the document that the command would have printed; no model is loaded for it."""
    plain: dict[str, Any] = {key: value for key, value in error.to_plain().items() if key != "exit_code"}
    document: dict[str, Any] = {"status": "failed", "error": plain}
    if words and words[0] in _ANSWER_WITH_A_RUN_RESULT:
        document = {
            "schema": "agilab.run_result.v1",
            "status": "failed",
            "run_id": None,
            "manifest": None,
            "reduce": None,
            "answer": None,
            "duration_seconds": round(time.monotonic() - began, 6),
            "next": [error.try_] if error.try_ and error.try_.startswith("agilab ") else [],
            "plan": None,
            "error": plain,
        }
    return json.dumps(document, indent=2)


def _usage(problem: Any) -> AgiError:
    """What click found wrong with the command line, in our form."""
    import click

    context = problem.ctx if isinstance(problem, click.UsageError) else None
    path = context.command_path if context else "agilab"
    if isinstance(problem, click.NoSuchOption):
        close = [one for one in problem.possibilities or [] if _is_near(problem.option_name, one)]
        return AgiError(
            "AGI-ARGS-102",
            f"`{path}` has no option {problem.option_name}",
            allowed=", ".join(close or (_options(context) if context else [])),
            try_=f"{path} {_app_of(context)}{close[0]}" if close else f"{path} {_app_of(context)}--help",
        )
    text = problem.format_message().rstrip(".")
    return AgiError(
        "AGI-ARGS-103",
        text[:1].lower() + text[1:],
        try_=f"{path} --help",
        exit_code=problem.exit_code or USAGE,
    )


def _is_near(said: str, option: str) -> bool:
    """Whether an option may be meant by a word: a slip of the hand, or its beginning; not `--force` by `--format`."""
    import difflib

    word, name = said.strip("-"), option.strip("-")
    return name.startswith(word) or difflib.SequenceMatcher(None, word, name).ratio() >= 0.7


def _options(context: Any) -> list[str]:
    import click

    return [
        parameter.opts[-1]
        for parameter in context.command.get_params(context)
        if isinstance(parameter, click.Option) and not parameter.hidden
    ]


def _app_of(context: Any) -> str:
    app = context.meta.get("agilab.app") if context else None
    return f"{app} " if app else ""


def _refused_by_the_disk(problem: Exception) -> AgiError | None:
    """A disk without room, or that takes nothing, can refuse any write, and is nobody's fault here."""
    if not isinstance(problem, OSError) or problem.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        return None
    return AgiError(
        "AGI-STORE-005",
        f"the disk refuses what the command writes: {problem.strerror}",
        found=str(problem.filename or os.environ.get("AGILAB_HOME") or "the workspace"),
        allowed="a writable disk with room",
        try_="make room, then the same command again",
        whose="environment",
        exit_code=ENVIRONMENT,
    )


def _unexpected(problem: Exception, words: list[str]) -> AgiError:
    """One line for a fault of our own, with the whole story in a file."""
    where = _write_traceback(problem, words)
    text = " ".join(str(problem).split())
    kind = type(problem).__name__
    return AgiError(
        "AGI-RUN-900",
        f"AGILab stopped on an unexpected {kind}{f': {text:.120}' if text else ''}; please report it with {where}",
        whose="agilab",
        exit_code=FAILED,
    )


def _write_traceback(problem: Exception, words: list[str]) -> str:
    import platform
    import tempfile
    import traceback

    from agilab import __version__
    from agilab.cli.words import short
    from agilab.store.workspace import Workspace

    # Only the command's own words: values that a person typed may be secrets.
    command = [
        word.partition("=")[0] for word in words if word.startswith("-") or word.replace("-", "").isalpha()
    ]
    text = (
        f"agilab {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
        f"agilab {' '.join(command)}\n\n{''.join(traceback.format_exception(problem))}"
    )
    name = f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    for folder in (Workspace.default().home / "logs", Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        except OSError:
            continue
        return short(folder / name)
    return "AGILAB_DEBUG=1, which shows the whole story"


def _say_interrupted() -> None:
    with contextlib.suppress(OSError):
        print("interrupted", file=sys.stderr)
