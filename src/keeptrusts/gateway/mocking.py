"""Targets of the provider `mock`, answered in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from keeptrusts.core.errors import UpstreamLostError
from keeptrusts.flow.effects import UpstreamHead
from keeptrusts.gateway.driver import Source
from keeptrusts.policy.compiled import MockSettings, TargetSettings
from keeptrusts.wire.mock import MockAnswer, mock_answer


async def answer_as_mock(settings: TargetSettings, body: bytes) -> tuple[UpstreamHead, Source]:
    """What the mock provider answers, after `delay_ms`."""
    told = settings.mock or MockSettings()
    answer = mock_answer(
        body,
        reply=told.reply,
        chunk_chars=told.chunk_chars,
        status=told.status,
        die_after_chars=told.die_after_chars,
        tool_calls=[(call.name, call.arguments) for call in told.tool_calls],
    )
    delay = told.delay_ms / 1000
    if delay:
        await asyncio.sleep(delay)
    return UpstreamHead(answer.status, (("content-type", answer.media_type),)), _MockSource(answer, delay)


class _MockSource:
    def __init__(self, answer: MockAnswer, delay: float) -> None:
        self._pieces: Iterator[bytes] = iter(answer.pieces)
        self._dies = answer.dies
        self._delay = delay
        self._begun = False

    async def read(self) -> bytes:
        piece = next(self._pieces, None)
        if piece is None:
            if self._dies:
                raise UpstreamLostError("the mock provider dropped the connection, as it was told to")
            return b""
        if self._begun and self._delay:
            await asyncio.sleep(self._delay)
        self._begun = True
        return piece

    def close(self) -> None:
        """There is nothing to close."""
