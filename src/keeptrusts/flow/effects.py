"""
What a flow asks of the world. `reply = yield from ReadUpstream()` has the type of the reply.

An effect may raise: the driver throws the error into the flow at the `yield`; cancellation arrives as
`ClientGoneError`.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from keeptrusts.core.decision import Decision
from keeptrusts.core.exchange import Target
from keeptrusts.policy.asking import Answer, Question

R = TypeVar("R")
Headers: TypeAlias = tuple[tuple[str, str], ...]
"""Header fields, names in lower case."""


class Effect(Generic[R]):
    """A question to the driver whose answer is an `R`."""

    def __iter__(self) -> Generator[Effect[Any], Any, R]:
        reply: R = yield self
        return reply


Flow: TypeAlias = Generator[Effect[Any], Any, R]


@dataclass(frozen=True, slots=True)
class UpstreamHead:
    """Status and header fields of a provider's answer."""

    status: int
    headers: Headers


@dataclass(frozen=True, slots=True)
class ChooseTargets(Effect[tuple[str, ...]]):
    """
    Put these targets, by id, in the order in which to try them, as the configuration's routing says.

    Those whose circuit is open come last. `sticky`: what stays with one target.
    """

    targets: tuple[str, ...]
    sticky: str


@dataclass(frozen=True, slots=True)
class OpenUpstream(Effect[UpstreamHead]):
    """
    Send the request to a target and wait for the head of its answer.

    The driver adds the credential, `host` and `content-length`. `forwarded`: the client's own header fields that may
    go on (the driver drops hop-by-hop ones, and `authorization` when the target has a key of its own).

    Raises:
        UpstreamUnreachableError: No connection; nothing was sent.
        UpstreamTimeoutError: Connected, no head in time.
        UpstreamLostError: It hung up before a head came.
    """

    target: Target
    path: str
    body: bytes
    forwarded: Headers = ()


@dataclass(frozen=True, slots=True)
class ReadUpstream(Effect[bytes]):
    """
    Next piece of the answer's body; empty at its clean end.

    Raises:
        UpstreamLostError: It stopped in the middle.
        UpstreamTimeoutError: It went silent.
    """


@dataclass(frozen=True, slots=True)
class Pause(Effect[None]):
    """Wait, before another try, for a time that the gateway draws between these."""

    at_least_ms: int
    at_most_ms: int


@dataclass(frozen=True, slots=True)
class CloseUpstream(Effect[None]):
    """Give up the rest of the answer; the provider is told by a closed connection."""


@dataclass(frozen=True, slots=True)
class Respond(Effect[None]):
    """A whole response: head, body, end. Raises `ClientGoneError`."""

    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class StartResponse(Effect[None]):
    """The head of a response whose body follows in pieces. Raises `ClientGoneError`."""

    status: int
    headers: Headers


@dataclass(frozen=True, slots=True)
class SendToClient(Effect[None]):
    """One piece of the body. Returns when the client can take more (back-pressure). Raises `ClientGoneError`."""

    data: bytes


@dataclass(frozen=True, slots=True)
class EndResponse(Effect[None]):
    """The end of a response that `StartResponse` began. Raises `ClientGoneError`."""


@dataclass(frozen=True, slots=True)
class AskOthers(Effect[tuple[Answer, ...]]):
    """
    Put the questions of a policy, all at once; the answers, in their order.

    A failure is an answer, too: nothing is raised for one.
    """

    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Meter:
    """
    One count that a request adds to.

    Args:
        key: Whose count of what, and of which configuration. It tells nobody's name.
        most: How much there may be in any window. Money is counted in billionths of a US dollar.
        amount: What this request adds.
        daily: The window is the day of UTC, not the last `window_seconds`.
    """

    key: str
    unit: Literal["requests", "tokens", "cost"]
    most: int
    window_seconds: int
    amount: int
    daily: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """
    What came of taking quota.

    Args:
        refused: Index of the meter that had no room; nothing was counted then.
        wait_seconds: After which it has.
        left: Of each meter, what is left.
        reset_seconds: Of each meter, until it is as good as unused.
        at_ms: When it was counted, by the clock of whoever counts.
        degraded: The count is this process's own, because the shared one does not answer.
    """

    refused: int | None = None
    wait_seconds: int = 0
    left: tuple[int, ...] = ()
    reset_seconds: tuple[int, ...] = ()
    at_ms: int = 0
    degraded: bool = False


@dataclass(frozen=True, slots=True)
class TakeQuota(Effect[Room]):
    """
    Add to these meters: to all of them, or, where one has no room, to none.

    A meter of requests has room while what is there and what is added are no more than `most`; of tokens and money,
    while what is there is less: what an answer comes to is not known before.

    Raises:
        QuotaUnavailableError: Nobody can tell, and the gateway was told to refuse then.
    """

    meters: tuple[Meter, ...]


@dataclass(frozen=True, slots=True)
class SettleQuota(Effect[None]):
    """Change what was taken at `at_ms` by these amounts, which may be negative. Never fails."""

    changes: tuple[tuple[Meter, int], ...]
    at_ms: int


@dataclass(frozen=True, slots=True)
class Record(Effect[None]):
    """
    Make the decision durable; returns when it is. The last thing a flow does before the end of its response.

    Raises:
        SpoolFullError: There is no room and `--on-spool-full block`: the answer must not be given.
    """

    decision: Decision
