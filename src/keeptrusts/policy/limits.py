"""The sections that bound tokens and agents, and what must hold between them and the targets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from keeptrusts.policy.schema import Attr, Block, Fault


@dataclass(frozen=True, slots=True)
class TokenRateLimit(Block):
    max_tokens: Annotated[int, Attr("Tokens in the window, asked and answered.", minimum=1, stronger="lower")]
    window_seconds: Annotated[int, Attr("Length of the window.", minimum=1, maximum=86_400, stronger="higher")]
    scope: Annotated[
        Literal["global", "user", "agent", "key"],
        Attr("Who has a count of its own; those without a name share one.", stronger="unclear"),
    ] = "global"


@dataclass(frozen=True, slots=True)
class Agent(Block):
    id: Annotated[str, Attr("As `x-keeptrusts-agent-id` says it.", minimum=1, maximum=200, stronger="neutral")]
    allowed_models: Annotated[
        tuple[str, ...], Attr("Models and groups it may ask for; empty: every one.", stronger="only")
    ] = ()
    max_requests_per_day: Annotated[int | None, Attr("A day is one of UTC.", minimum=1, stronger="lower")] = None
    max_tokens_per_day: Annotated[int | None, Attr("Asked and answered.", minimum=1, stronger="lower")] = None
    max_cost_usd_per_day: Annotated[
        float | None, Attr("By the `pricing` of the targets.", minimum=0.000001, stronger="lower")
    ] = None


def agent_faults(agents: Sequence[Agent], priced: Mapping[str, bool]) -> Iterable[Fault]:
    """
    What is wrong with the agents of a document.

    Args:
        priced: The ids of its targets, and whether each has `pricing`.
    """
    unpriced = next((name for name, has_price in priced.items() if not has_price), None)
    seen: set[str] = set()
    for index, agent in enumerate(agents):
        if agent.id in seen:
            yield Fault("E005", ("agents", index, "id"), f"`{agent.id}` is an agent already", "remove one of the two")
        seen.add(agent.id)
        if agent.max_cost_usd_per_day is not None and unpriced is not None:
            message = f"what `{unpriced}` costs cannot be told, so this cannot be enforced"
            keys = ("agents", index, "max_cost_usd_per_day")
            yield Fault("E009", keys, message, "add `pricing` to every target")
