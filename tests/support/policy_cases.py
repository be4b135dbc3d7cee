"""Conformance cases of the policy kinds (tests/conformance/README.md), and documents to put blocks into."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from keeptrusts.core.exchange import Caller, Exchange, Part, Phase, Role, Text, ToolCall

CASES = Path(__file__).parents[1] / "conformance" / "policies"
PACK = {"name": "case", "version": "1.0.0", "enabled": True}


@dataclass(frozen=True, slots=True)
class Case:
    """One case of one kind."""

    kind: str
    note: str
    want: Any
    config: Mapping[str, Any] = field(default_factory=dict)
    exchange: Mapping[str, Any] = field(default_factory=dict)


def cases() -> Iterator[Case]:
    """Every case of every file."""
    for path in sorted(CASES.glob("*.yaml")):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
            yield Case(path.stem, **entry)


def document(blocks: Mapping[str, Any], **sections: Any) -> str:
    """A document whose chain is these blocks, in their order."""
    whole = {"pack": PACK, "policies": {"chain": list(blocks)}, "policy": dict(blocks)} | sections
    return json.dumps(whole)


def exchange_of(said: Mapping[str, Any]) -> Exchange:
    """The exchange that a case describes."""
    answered = bool(said.get("answer"))
    calls = said.get("calls", ())
    return Exchange(
        phase=Phase.OUTPUT if answered else Phase.INPUT,
        texts=tuple(_text(one, index, answered=answered) for index, one in enumerate(said.get("texts", ()))),
        tool_calls=tuple(ToolCall(one["name"], one.get("arguments"), ("c", at)) for at, one in enumerate(calls)),
        tools=tuple(said.get("tools", ())),
        model=said.get("model", ""),
        max_tokens=said.get("max_tokens"),
        message_count=said.get("messages", 0),
        caller=Caller(said.get("key_id"), said.get("user_id"), headers=said.get("headers", {})),
        answered=answered,
    )


def _text(said: Any, index: int, *, answered: bool) -> Text:
    place = ("texts", index)
    if isinstance(said, str):
        return Text(place, said, Role.ASSISTANT if answered else Role.USER)
    return Text(place, said["text"], Role(said.get("role", "user")), Part(said.get("part", "content")))
