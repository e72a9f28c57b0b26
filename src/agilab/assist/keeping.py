"""What was asked and answered, kept in the workspace: `assist/<digest of the prompt>/<digest of the response>.json`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agi_node.errors import FAILED, AgiError
from agilab.assist.prompt import Prompt
from agilab.assist.providers import Answer
from agilab.contracts.assistance import Assistance
from agilab.contracts.base import read_document, write_document

FOLDER = "assist"


def keep(home: Path, exchange: Assistance) -> Path:
    """Keep an exchange; the same answer to the same prompt is one. Returns its file."""
    path = home / FOLDER / exchange.prompt_digest / f"{exchange.response_digest}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_document(path, exchange)
    return path


def kept(home: Path, prompt_digest: str) -> list[Assistance]:
    """What was answered to this prompt, the newest last; those that were accepted after those that were not."""
    folder = home / FOLDER / prompt_digest
    found = [read_document(path, Assistance) for path in sorted(folder.glob("*.json"))]
    return sorted(found, key=lambda one: (one.accepted_at or "", one.asked_at))


@dataclass(frozen=True)
class ReplayProvider:
    """Gives again what was answered to the very same prompt: for tests, notebooks, and trains without a network."""

    home: Path
    name = "replay"

    def answer(self, prompt: Prompt, hear: Callable[[str], None]) -> Answer:
        """The kept answer. Raises AGI-ASSIST-050 where there is none."""
        found = kept(self.home, prompt.digest)
        if not found:
            raise AgiError(
                "AGI-ASSIST-050",
                "no answer to this prompt is kept",
                found=f"a prompt of digest {prompt.digest[:12]}…",
                allowed="the same question about the same code, with the same data known",
                try_="ask a provider that answers: --provider offline, or --provider openai",
                exit_code=FAILED,
            )
        exchange = found[-1]
        hear(exchange.response)
        return Answer(exchange.response, model=exchange.model, server=exchange.server)
