"""The same request over and over: whoever asks so is a program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

from keeptrusts.core.exchange import Exchange, Part, Phase, Role
from keeptrusts.core.verdict import Allow, Block, Verdict
from keeptrusts.policy.asking import Answer, Ask, Count, total_of
from keeptrusts.policy.checks import header_name
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.schema import Attr, Fault

_FIELDS: Final = ("ip", "key_id", "user_id", "team_id", "agent_id", "session_id", "model", "text")
_USUAL: Final = ("ip", "user-agent", "text")


@dataclass(frozen=True)
class BotDetector(Policy):
    """
    Mark or refuse requests that come too often from one source and are nearly the same.

    A request's fingerprint is made of `fingerprint_fields`: `ip`, `key_id`, `user_id`, `team_id`, `agent_id`,
    `session_id`, `model`, `text` (what the user says last), and of any header by its name; without the list, of `ip`,
    the header `user-agent` and `text`. All but `text` must be equal. Texts are compared by their words, numbers alike:
    from `similarity_threshold` on they count as one. More than `max_requests_per_window` in any window are marked with
    the reason `bot_detector.repeated`, or refused. Requests that are refused count too. Counts are those of the
    gateway, and of all gateways that count together.
    """

    kind: ClassVar[str] = "bot-detector"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT})
    counts: ClassVar[bool] = True
    example: ClassVar[str] = """
        fingerprint_fields: [ip, user-agent, text]
        max_requests_per_window: 10
        action: block
    """

    fingerprint_fields: Annotated[
        tuple[Annotated[str, Attr(check=header_name)], ...],
        Attr("What a fingerprint is made of; empty means `ip`, `user-agent` and `text`.", stronger="unclear"),
    ] = ()
    profile_window_seconds: Annotated[
        int, Attr("Length of the window.", minimum=1, maximum=86_400, stronger="higher")
    ] = 60
    similarity_threshold: Annotated[
        float, Attr("Likeness from which texts count as one; 1 is equality.", minimum=0.1, maximum=1, stronger="lower")
    ] = 0.9
    max_requests_per_window: Annotated[int, Attr("Most of them in any window.", minimum=1, stronger="lower")] = 5
    action: Annotated[
        Literal["warn", "block"], Attr("Mark it in the record, or refuse.", stronger=("warn", "block"))
    ] = "warn"

    def faults(self) -> Iterable[Fault]:
        fields = [name.lower() for name in self.fingerprint_fields]
        for index, name in enumerate(fields):
            if name in fields[:index]:
                yield Fault("E005", ("fingerprint_fields", index), f"`{name}` stands in the list twice", "remove one")

    def judge(self, exchange: Exchange) -> Verdict | Ask:
        window = self.profile_window_seconds
        counts = tuple(Count(key=key, window_seconds=window) for key in self._keys(exchange))
        return Ask((), self._conclude, counts)

    def _conclude(self, answers: tuple[Answer, ...]) -> Verdict:
        totals = [total_of(answer) for answer in answers]
        degraded = any(unheard for _, unheard in totals)
        if max(total for total, _ in totals) <= self.max_requests_per_window:
            return Allow(degraded=degraded)
        if self.action == "block":
            return Block("bot_detector.repeated", "too many requests that are nearly the same")
        return Allow(code="bot_detector.repeated", degraded=degraded)

    def _keys(self, exchange: Exchange) -> Iterator[tuple[str, ...]]:
        """One for each signature that a similar request shares."""
        from keeptrusts.detect.similarity import signatures

        names = [name.lower() for name in self.fingerprint_fields] or [*_USUAL]
        fixed = [f"{name}={_value(exchange, name)}" for name in names if name != "text"]
        marks = signatures(_last_words(exchange), self.similarity_threshold) if "text" in names else ("",)
        for band, mark in enumerate(marks):
            yield (exchange.configuration, self.kind, *fixed, str(band), mark)


def _value(exchange: Exchange, name: str) -> str:
    if name == "model":
        return exchange.model
    if name in _FIELDS:
        return str(getattr(exchange.caller, name) or "")
    return exchange.caller.headers.get(name, "")


def _last_words(exchange: Exchange) -> str:
    """What the user says last."""
    said = (text.value for text in reversed(exchange.texts) if text.role is Role.USER and text.part is Part.CONTENT)
    return next(said, "")
