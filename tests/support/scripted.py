"""A control plane for the client that says what a test wrote down, and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from keeptrusts.client.exchange import LostError, Opened, Request


@dataclass
class Said:
    """One answer. `lost_after` chunks of the body the connection breaks."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: tuple[bytes, ...] | None = None
    lost: bool = False
    closed: bool = False

    def chunks(self) -> Iterator[bytes]:
        yield from self.pieces if self.pieces is not None else self._whole()
        if self.lost:
            raise LostError("the connection was lost")

    def _whole(self) -> tuple[bytes, ...]:
        return () if self.body is None else (json.dumps(self.body).encode(),)

    def close(self) -> None:
        self.closed = True


def problem(status: int, code: str, detail: str = "no", **more: object) -> Said:
    """A refusal in the one error form."""
    body = {"type": "about:blank", "title": "x", "status": status, "detail": detail, "code": code}
    headers = {"retry-after": str(more.pop("retry_after"))} if "retry_after" in more else {}
    return Said(status, body | {"request_id": "req_1"} | more, headers)


class Script:
    """A transport: the answers in order; an exception is raised instead."""

    def __init__(self, *answers: Said | LostError) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []

    def open(self, request: Request) -> Opened:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, LostError):
            raise answer
        return answer

    def close(self) -> None:
        """Nothing to let go."""

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.requests]
