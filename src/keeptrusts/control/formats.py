"""
The bodies a webhook can get: Standard Webhooks' own, Slack's incoming webhooks, CloudEvents 1.0 in structured mode.

Pure: the same message gives the same bytes at every attempt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, assert_never
from urllib.parse import urlsplit

from keeptrusts.api.webhooks import Format, Message

SLACK_HOSTS: Final = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
LONGEST_SLACK_VALUE: Final = 300
MOST_SLACK_LINES: Final = 20


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes and what they are."""

    content: bytes
    media_type: str


def guess_format(url: str) -> Format:
    """By the host: Slack refuses what is not in its own form."""
    return "slack" if (urlsplit(url).hostname or "").lower() in SLACK_HOSTS else "standard"


def write_body(chosen: Format, message: Message, *, message_id: str, org: str) -> Body:
    """The message in that format."""
    match chosen:
        case "standard":
            return Body(_json({**message}), "application/json")
        case "slack":
            return Body(_json({"text": slack_text(message)}), "application/json")
        case "cloudevents":
            return Body(_json(_cloud_event(message, message_id, org)), "application/cloudevents+json")
        case _ as never:
            assert_never(never)


def slack_text(message: Message) -> str:
    """The type in bold, then one line for each plain value. Nothing in a value can become markup or a mention."""
    lines = [f"*{_escape(message['type'])}*"]
    for name, value in message["data"].items():
        if value is None or isinstance(value, Mapping):
            continue
        plain = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        if plain:
            lines.append(f"{_escape(name)}: {_escape(plain[:LONGEST_SLACK_VALUE])}")
    return "\n".join(lines[: MOST_SLACK_LINES + 1])


def _escape(text: str) -> str:
    # Slack's three control characters; a line break would let a value pose as another field
    for plain, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(plain, escaped)
    return " ".join(text.split())


def _cloud_event(message: Message, message_id: str, org: str) -> dict[str, Any]:
    subject = message["data"].get("id")
    return {
        "specversion": "1.0",
        "id": message_id,
        "source": f"urn:keeptrusts:{org}",
        "type": f"dev.keeptrusts.{message['type']}",
        "time": message["timestamp"],
        **({"subject": subject} if isinstance(subject, str) and subject else {}),
        "datacontenttype": "application/json",
        "data": message["data"],
    }


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
