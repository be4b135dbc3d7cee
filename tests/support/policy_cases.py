"""Conformance cases of the policy kinds (tests/conformance/README.md), and documents to put blocks into."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from keeptrusts.core.exchange import Caller, Exchange, Part, Phase, Role, Text, ToolCall
from keeptrusts.policy.asking import Answer, Question
from keeptrusts.wire.attachments import collect
from keeptrusts.wire.texts import TextCollector

CASES = Path(__file__).parents[1] / "conformance" / "policies"
PACK = {"name": "case", "version": "1.0.0", "enabled": True}


@dataclass(frozen=True, slots=True)
class Case:
    """
    One case of one kind.

    Args:
        before: How often the same exchange came before; what counts remembers it.
        shows: The sort of case, where nothing else tells it: `boundary` or `disguised`.
    """

    kind: str
    note: str
    want: Any
    config: Mapping[str, Any] = field(default_factory=dict)
    exchange: Mapping[str, Any] = field(default_factory=dict)
    asked: Sequence[Mapping[str, Any]] = ()

    behind: Mapping[str, Any] = field(default_factory=dict)
    before: int = 0
    shows: str = ""

    def at(self, url: str) -> Case:
        """The case with the address of the server that is asked."""
        parts = (self.want, self.config, self.exchange)
        told = json.dumps(parts).replace("{asked}", url).replace("{asked_host}", urlsplit(url).netloc)
        want, config, exchange = json.loads(told)
        return replace(self, want=want, config=config, exchange=exchange)

    @property
    def blocks(self) -> dict[str, Any]:
        """The kinds of the chain."""
        return {self.kind: self.config, **self.behind}


def cases() -> Iterator[Case]:
    """Every case of every file."""
    for path in sorted(CASES.glob("*.yaml")):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
            yield Case(path.stem, **entry)


def document(blocks: Mapping[str, Any], **sections: Any) -> str:
    """A document whose chain is these blocks, in their order."""
    whole = {"pack": PACK, "policies": {"chain": list(blocks)}, "policy": dict(blocks)} | sections
    return json.dumps(whole)


def body_of(reply: Mapping[str, Any]) -> bytes:
    """What the asked server says: `json`, or `text` as it is."""
    if "json" in reply:
        return json.dumps(reply["json"]).encode()
    return str(reply.get("text", "")).encode()


def reply_to(replies: Sequence[Mapping[str, Any]], path: str, turn: int) -> Mapping[str, Any]:
    """Of a case's replies the one for this path, else that whose turn it is; the last one is given again and again."""
    placed = [reply for reply in replies if reply.get("path") == path]
    free = [reply for reply in replies if "path" not in reply]
    found = placed or free[min(turn, len(free) - 1) :]
    assert found, f"the case does not say what is answered at {path}"
    return found[0]


def answers_of(case: Case) -> Callable[[Question], Answer]:
    """The answers of a case."""
    turns = count()

    def answer(question: Question) -> Answer:
        parts = urlsplit(question.url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        reply = reply_to(case.asked, path, next(turns))
        if "fails" in reply:
            return Answer(failure=reply["fails"])
        body = body_of(reply)
        if len(body) > question.max_bytes:
            return Answer(status=200, failure="too_large")
        return Answer(status=reply.get("status", 200), media_type=reply.get("type", "application/json"), body=body)

    return answer


def exchange_of(said: Mapping[str, Any]) -> Exchange:
    """The exchange that a case describes."""
    answered = bool(said.get("answer"))
    calls = said.get("calls", ())
    collected = _collected(said)
    return Exchange(
        phase=Phase.OUTPUT if answered else Phase.INPUT,
        texts=(
            *(_text(one, index, answered=answered) for index, one in enumerate(said.get("texts", ()))),
            *(text for text in collected.texts if text.part is Part.DOCUMENT),
        ),
        documents=tuple(collected.documents),
        tool_calls=tuple(ToolCall(one["name"], one.get("arguments"), ("c", at)) for at, one in enumerate(calls)),
        tools=tuple(said.get("tools", ())),
        model=said.get("model", ""),
        max_tokens=said.get("max_tokens"),
        message_count=said.get("messages", 0),
        caller=Caller(
            said.get("key_id"), said.get("user_id"), session_id=said.get("session_id"), headers=said.get("headers", {})
        ),
        answered=answered,
        output_usd_per_million_tokens=said.get("price"),
        asked=tuple(
            replace(_text(one, at, answered=False), place=("asked", at)) for at, one in enumerate(said.get("asked", ()))
        ),
    )


def attached(said: Mapping[str, str]) -> dict[str, Any]:
    """A document of a case as a content part of a chat message."""
    if "url" in said:
        return {"type": "image_url", "image_url": {"url": said["url"]}}
    encoded = said.get("base64") or base64.b64encode(said["text"].encode()).decode()
    return {"type": "file", "file": {"filename": "document", "file_data": f"data:{said['type']};base64,{encoded}"}}


def _collected(said: Mapping[str, Any]) -> TextCollector:
    collector = TextCollector()
    for index, part in enumerate(map(attached, said.get("documents", ()))):
        collect(collector, part["type"], part[part["type"]], ("documents", index, part["type"]))
    return collector


def _text(said: Any, index: int, *, answered: bool) -> Text:
    place = ("texts", index)
    if isinstance(said, str):
        return Text(place, said, Role.ASSISTANT if answered else Role.USER)
    return Text(place, said["text"], Role(said.get("role", "user")), Part(said.get("part", "content")))
