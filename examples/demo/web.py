"""Plain HTTP, as any program would speak it: no Keeptrusts code is in the way of what is shown."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """Header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def text(self) -> str:
        """What the model said: the whole answer, or the deltas of a stream put together."""
        if not self.headers.get("content-type", "").startswith("text/event-stream"):
            said: str = self.json()["choices"][0]["message"]["content"]
            return said
        return "".join(self.deltas())

    def deltas(self) -> list[str]:
        """The pieces of a streamed answer, in order."""
        lines = (line.removeprefix("data: ") for line in self.body.decode().splitlines() if line.startswith("data: "))
        frames = [json.loads(line) for line in lines if line != "[DONE]"]
        return [
            choice["delta"]["content"]
            for frame in frames
            for choice in frame["choices"]
            if choice["delta"].get("content")
        ]


def call(
    url: str, body: object = None, *, method: str | None = None, token: str | None = None, match: str | None = None
) -> Answer:
    """One request; a 4xx or 5xx is an answer like any other. `match`: the `If-Match` header."""
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    if match:
        headers["if-match"] = match
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return Answer(reply.status, _lower(reply.headers.items()), reply.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return Answer(refused.code, _lower(refused.headers.items()), refused.read())


def _lower(items: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in items}
