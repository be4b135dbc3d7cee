"""
Questions that a kind puts to somebody else, as data on the way out and on the way back.

A kind that cannot decide alone returns an `Ask` from `judge`. The flow has the questions put, and the judgement goes on
with the answers: so what a chain says depends on the exchange and the answers alone, and can be replayed from them.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Final, Literal, NoReturn, TypeAlias, TypeVar

from keeptrusts.core.decision import Asked
from keeptrusts.core.errors import KeeptrustsError
from keeptrusts.core.verdict import Verdict

R = TypeVar("R")
Fields: TypeAlias = tuple[tuple[str, str], ...]
Failure: TypeAlias = Literal[
    "unreachable", "timeout", "lost", "garbled", "too_large", "status", "credential", "refused_address", "busy"
]
"""
Why there is no answer that can be used.

`status`: another one than 2xx, a redirect among them, for none is followed. `credential`: the secret is not set.
`refused_address`: it leads into a network that it may not lead into. `busy`: too many questions at a time.
"""

STORED: Final = "store:"
"""Before the name of a secret that the control plane keeps; no variable of an environment begins like this."""
MAX_ANSWER_BYTES = 1024 * 1024
MOST: Final = sys.float_info.max
"""JSON has larger numbers: as whole ones they are no floats, and as others they are endless."""


@dataclass(frozen=True, slots=True)
class Credential:
    """
    A secret by its name, and the header field that it goes into, behind its prefix.

    Args:
        env: A variable of the gateway's environment; behind `STORED`, a config variable of the control plane.
        user: With it the secret is the password of basic authentication, and `prefix` says nothing.
    """

    env: str
    header: str = "authorization"
    prefix: str = "Bearer "
    user: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    One HTTP exchange. No redirect is followed.

    Args:
        timeout_ms: From the start to the last byte of the answer.
        max_bytes: Of the answer; a larger one is none.
        public: The URL is not the operator's word: it is dialled only where its address belongs to the internet, or is
            one of `named`, and through no proxy.
        named: Addresses that the operator allows besides.
    """

    url: str
    timeout_ms: int
    method: Literal["POST", "GET", "PUT"] = "POST"
    headers: Fields = ()
    body: bytes = b""
    credential: Credential | None = None
    max_bytes: int = MAX_ANSWER_BYTES
    public: bool = False
    named: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """
    Add to a count that the gateway keeps between requests; the answer tells what it is then (`total_of`).

    Args:
        key: Of what and of whom. It is hashed before it leaves the process.
        window_seconds: How long what is added counts.
        amount: 0 only asks.
    """

    key: tuple[str, ...]
    window_seconds: int
    amount: int = 1


Inquiry: TypeAlias = Question | Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    What came of a question.

    Args:
        status: 0 when there was none, and of a count.
        failure: None when the whole of an answer is here, whatever its status.
        counted: Of a `Count`: nobody outside was asked, so the record does not tell of it.
    """

    status: int = 0
    media_type: str = ""
    body: bytes = b""
    failure: Failure | None = None
    latency_us: int = 0
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """
    Instead of a verdict: these questions and counts, all at once, and how to go on.

    Args:
        conclude: Pure. It gets the answers of the questions, then those of the counts. Raises `UnusableAnswerError`
            when an answer is none, and the engine says what that means.
    """

    questions: tuple[Question, ...]
    conclude: Callable[[tuple[Answer, ...]], Verdict | Ask]
    counts: tuple[Count, ...] = ()


Steps: TypeAlias = Generator[tuple[Inquiry, ...], tuple[Answer, ...], R]
"""Work that stops to ask: it yields questions and is sent their answers, in their order."""


class UnusableAnswerError(KeeptrustsError):
    """An answer with which nothing can be decided."""

    code = "unusable_answer"

    def __init__(self, answer: Answer, failure: Failure) -> None:
        super().__init__(failure)
        self.answer = answer
        self.failure = failure


def body_of(answer: Answer) -> bytes:
    """The body of a good answer. Raises `UnusableAnswerError`."""
    if answer.failure is not None:
        raise UnusableAnswerError(answer, answer.failure)
    if not 200 <= answer.status < 300:
        raise UnusableAnswerError(answer, "status")
    return answer.body


def json_of(answer: Answer) -> Any:
    """The JSON document of a good answer. Raises `UnusableAnswerError`."""
    body = body_of(answer)
    try:
        return json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise UnusableAnswerError(answer, "garbled") from None


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def asked(answer: Answer, failure: Failure | None = None) -> Asked:
    """What the record keeps of an answer: never its text. `failure`: what a kind found wrong with it."""
    said = failure or answer.failure or ("answered" if 200 <= answer.status < 300 else "status")
    known = None if answer.failure else "sha256:" + hashlib.sha256(answer.body).hexdigest()
    return Asked(said, answer.status, answer.latency_us, known)


class Tally:
    """Counts where there is no gateway. Nothing in them grows old."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, ...], int] = {}

    def add(self, count: Count) -> Answer:
        self._sums[count.key] = self._sums.get(count.key, 0) + count.amount
        return counted(self._sums[count.key])


def counted(total: int, *, degraded: bool = False) -> Answer:
    """The answer to a count. `degraded`: others who count too were not heard."""
    return Answer(body=json.dumps([total, degraded]).encode(), counted=True)


def total_of(answer: Answer) -> tuple[int, bool]:
    """What is counted, and whether others who count too were not heard. Raises `UnusableAnswerError`."""
    if answer.failure is not None:
        raise UnusableAnswerError(answer, answer.failure)
    total, degraded = json.loads(answer.body)
    return int(total), bool(degraded)


def finish(steps: Steps[R], ask: Callable[[Question], Answer], tally: Tally | None = None) -> R:
    """
    Run steps to their end where answers are at hand: in tests, and when a stored exchange is judged again.

    Args:
        tally: What was counted before; nothing when it is left out.
    """
    counts = tally or Tally()
    answers: tuple[Answer, ...] | None = None
    try:
        while True:
            questions = next(steps) if answers is None else steps.send(answers)
            answers = tuple(counts.add(one) if isinstance(one, Count) else ask(one) for one in questions)
    except StopIteration as done:
        result: R = done.value
        return result


def nobody(question: Question) -> Answer:
    """Answers nothing."""
    del question
    return Answer(failure="unreachable")


def understood(answer: Answer, read: Callable[[Any], R]) -> R:
    """
    What `read` takes from the JSON of a good answer.

    Raises:
        UnusableAnswerError: It is none, or `read` does not find in it what it looks for.
    """
    document = json_of(answer)
    try:
        return read(document)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise UnusableAnswerError(answer, "garbled") from None


def amount(value: Any) -> float:
    """A finite number of an answer. Raises `TypeError` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MOST:
        raise TypeError
    return float(value)


def flag(value: Any) -> bool:
    """True or false of an answer. Raises `TypeError` for anything else."""
    if not isinstance(value, bool):
        raise TypeError
    return value


def word(value: Any) -> str:
    """A name that somebody else gave, as a part of a reason code: it may say nothing else in a record."""
    if not isinstance(value, str):
        raise TypeError
    kept = "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in value.lower())
    return "_".join(part for part in kept.split("_") if part)[:60] or "unnamed"
