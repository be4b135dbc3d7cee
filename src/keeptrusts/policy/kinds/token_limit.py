"""How long a conversation may be, and how long an answer it may ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Allow, Block, Verdict
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.schema import Attr

_BYTES_A_TOKEN = 4


@dataclass(frozen=True)
class TokenLimit(Policy):
    """
    Cap the answer that a client may ask for, and refuse conversations that are too long.

    A request that names no cap gets `max_tokens`. Input tokens are estimated without a model's own vocabulary: one
    for each four bytes of UTF-8, and at least one for each word.
    """

    kind: ClassVar[str] = "token-limit"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT})
    example: ClassVar[str] = """
        max_tokens: 1024
        max_messages: 50
    """

    max_tokens: Annotated[int | None, Attr("Cap on the tokens of an answer.", minimum=1, stronger="lower")] = None
    on_exceed: Annotated[
        Literal["clamp", "block"],
        Attr("A request that asks for more gets the cap, or is refused.", stronger=("clamp", "block")),
    ] = "clamp"
    max_input_tokens: Annotated[
        int | None, Attr("Most tokens in a request, estimated.", minimum=1, stronger="lower")
    ] = None
    max_messages: Annotated[int | None, Attr("Most messages in a request.", minimum=1, stronger="lower")] = None

    def judge(self, exchange: Exchange) -> Verdict:
        if self.max_messages is not None and exchange.message_count > self.max_messages:
            message = f"the request has {exchange.message_count} messages; the most is {self.max_messages}"
            return Block("token_limit.messages", message)
        if self.max_input_tokens is not None:
            tokens = sum(estimate(text.value) for text in exchange.texts)
            if tokens > self.max_input_tokens:
                message = f"the request has about {tokens} tokens; the most is {self.max_input_tokens}"
                return Block("token_limit.input", message)
        return self._cap(exchange.max_tokens)

    def _cap(self, asked: int | None) -> Verdict:
        if self.max_tokens is None or (asked is not None and asked <= self.max_tokens):
            return Allow()
        if asked is not None and self.on_exceed == "block":
            return Block("token_limit.max_tokens", f"`max_tokens` is {asked}; the most is {self.max_tokens}")
        return Allow(max_tokens=self.max_tokens, code="token_limit.clamped")


def estimate(text: str) -> int:
    """Tokens of a text, roughly."""
    return max(-(-len(text.encode("utf-8", "surrogatepass")) // _BYTES_A_TOKEN), len(text.split()))
