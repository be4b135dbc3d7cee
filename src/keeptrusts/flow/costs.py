"""What an answer cost."""

from __future__ import annotations

from keeptrusts.policy.compiled import Pricing
from keeptrusts.wire.readings import Usage


def cost_usd(pricing: Pricing, usage: Usage) -> float | None:
    """In US dollars, to a billionth; None when the provider counted nothing."""
    if usage.input_tokens is None and usage.output_tokens is None:
        return None
    asked = usage.input_tokens or 0
    cached = min(asked, usage.cached_input_tokens or 0)
    millions = (asked - cached) * pricing.input + cached * pricing.cached_input
    millions += (usage.output_tokens or 0) * pricing.output
    return round(millions / 1e6, 9)
