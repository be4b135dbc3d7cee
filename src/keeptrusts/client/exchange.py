"""One HTTP request and its answer, as the retry logic sees them: values and a protocol, no socket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """
    What is sent; the credential is added by the transport alone.

    Args:
        query: Pairs, not yet escaped.
        headers: Names in lower case.
        repeatable: Doing it twice does what doing it once does.
        wait_seconds: Longest silence within an answer; None: as the transport is set.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    repeatable: bool = False
    wait_seconds: float | None = None


class Opened(Protocol):
    """An answer whose head has arrived. Header names are in lower case."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    def chunks(self) -> Iterator[bytes]:
        """
        The body, decoded, as it arrives.

        Raises:
            LostError: It stopped before its end.
        """

    def close(self) -> None: ...


class Transport(Protocol):
    def open(self, request: Request) -> Opened:
        """
        Send a request and wait for the answer's head.

        Raises:
            LostError: There was none.
        """

    def close(self) -> None: ...


class LostError(Exception):
    """
    No (whole) answer came.

    Args:
        unsent: The request has certainly not reached a server.
        final: Trying again cannot help (a certificate that does not verify).
    """

    def __init__(self, reason: str, *, unsent: bool = False, final: bool = False) -> None:
        super().__init__(reason)
        self.unsent = unsent
        self.final = final
