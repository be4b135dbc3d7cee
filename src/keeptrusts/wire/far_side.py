"""What the translations of a chat completion for providers have in common: turns of a conversation, and counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire.attachments import PARTS
from keeptrusts.wire.openai_chat import ROLES
from keeptrusts.wire.translation import Asked

Blocks: TypeAlias = Callable[[Mapping[str, Any]], list[dict[str, Any]]]
"""The blocks of one message that is no system message."""


def turns(given: Iterable[Mapping[str, Any]], blocks: Blocks) -> tuple[list[str], list[dict[str, Any]]]:
    """System texts, and the other messages with neighbours of one role united, as providers of blocks want them."""
    system: list[str] = []
    said: list[dict[str, Any]] = []
    for message in given:
        role = ROLES[str(message.get("role"))]
        if role == "system":
            system += _texts(message.get("content"))
            continue
        name = "assistant" if role == "assistant" else "user"
        if said and said[-1]["role"] == name:
            said[-1]["content"] += blocks(message)
        else:
            said.append({"role": name, "content": blocks(message)})
    return system, said


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content] if content else []
    return [_only_text(part) for part in content or ()]


def _only_text(part: Mapping[str, Any]) -> str:
    if part.get("type") in PARTS:
        raise UnreadableError("this provider takes no attachment in a system message: send it with the user's")
    return text_of(part)


def text_of(part: Mapping[str, Any]) -> str:
    """What a part of a message says."""
    return str(part.get("text") or part.get("refusal") or "")


class StreamedCalls:
    """The tool calls of a streamed answer, by the blocks that they come in."""

    def __init__(self) -> None:
        self._indices: dict[int, int] = {}
        self._silent: set[int] = set()

    def begun(self, block: int, identifier: str, name: str) -> dict[str, Any]:
        """The delta that a call begins with."""
        index = self._indices[block] = len(self._indices)
        self._silent.add(block)
        function = {"name": name, "arguments": ""}
        return {"tool_calls": [{"index": index, "id": identifier, "type": "function", "function": function}]}

    def more(self, block: int, arguments: str) -> dict[str, Any]:
        """The delta that goes on with its arguments. Raises `KeyError` for a block that is none."""
        if arguments:
            self._silent.discard(block)
        return {"tool_calls": [{"index": self._indices[block], "function": {"arguments": arguments}}]}

    def closed(self, block: int) -> list[dict[str, Any]]:
        """What is left to say when a block is complete: a call without arguments has an empty object of them."""
        return [self.more(block, "{}")] if block in self._silent else []


def chat_usage(*, fresh: Any, written: Any, cached: Any, said: Any) -> dict[str, Any]:
    """
    Counts as a chat completion tells them. None counts as nothing.

    Args:
        fresh: Tokens of the input that no cache had.
        written: Those that were put into one, and are not in `fresh`.
        cached: Those that were read from one, and are not in `fresh`.
        said: Tokens of the output.
    """
    read, out = cached or 0, said or 0
    asked = (fresh or 0) + (written or 0) + read
    apart = {"prompt_tokens_details": {"cached_tokens": read}} if read else {}
    return {"prompt_tokens": asked, "completion_tokens": out, "total_tokens": asked + out, **apart}


def ending(choice: Mapping[str, Any], usage: Mapping[str, Any] | None, asked: Asked) -> list[dict[str, Any]]:
    """
    What the last chunks of a stream say: its one choice is over, and what it took, where that is known.

    In a chunk of its own for a client that asked for counts; another expects none without a choice.
    """
    if usage is None:
        return [{"choices": [choice]}]
    if not asked.counts_apart:
        return [{"choices": [choice], "usage": usage}]
    return [{"choices": [choice]}, {"choices": [], "usage": usage}]
