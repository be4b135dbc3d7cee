"""
Rates and budgets of several gateways, counted in Redis or Valkey.

One script takes all meters or none, by the server's clock. A window is kept in a hundred slices, of which the oldest
counts until the whole of it is over: no window ever sees more than it may, and a place comes free a hundredth later.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from typing import Any, Final

from keeptrusts.core.errors import InputError, QuotaUnavailableError
from keeptrusts.flow.effects import Meter, Room
from keeptrusts.gateway.quota import DAY_MS, Counting, Quota
from keeptrusts.gateway.settings import FailMode, Settings

SLICES: Final = 100
PREFIX: Final = "keeptrusts:quota:"
TIMEOUT_SECONDS: Final = 0.5
PAUSE_SECONDS: Final = 1.0
"""After a failure nobody waits for the server for so long."""

_TAKE: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local refused, longest = 0, 0
local sums, resets = {}, {}
for i = 1, #KEYS do
  local at = (i - 1) * 4
  local most, length, slices, added = ARGV[at + 1] + 0, ARGV[at + 2] + 0, ARGV[at + 3] + 0, ARGV[at + 4] + 0
  local first = math.floor(now / length) - slices
  local found, sum, newest, alive = redis.call('HGETALL', KEYS[i]), 0, -1, {}
  for n = 1, #found, 2 do
    local slice, amount = found[n] + 0, found[n + 1] + 0
    if slice < first then
      redis.call('HDEL', KEYS[i], found[n])
    else
      sum = sum + amount
      newest = math.max(newest, slice)
      alive[#alive + 1] = {slice, amount}
    end
  end
  sums[i] = sum
  resets[i] = newest < 0 and 0 or (newest + slices + 1) * length - now
  local over = sum + added - most
  if over > 0 then
    table.sort(alive, function(a, b) return a[1] < b[1] end)
    local wait = (slices + 1) * length
    for _, one in ipairs(alive) do
      over = over - one[2]
      if over <= 0 then wait = (one[1] + slices + 1) * length - now break end
    end
    if wait > longest then refused, longest = i, wait end
  end
end
if refused == 0 then
  for i = 1, #KEYS do
    local at, amounts = (i - 1) * 4, #KEYS * 4
    local length, slices, amount = ARGV[at + 2] + 0, ARGV[at + 3] + 0, ARGV[amounts + i] + 0
    redis.call('HINCRBY', KEYS[i], string.format('%.0f', math.floor(now / length)), string.format('%.0f', amount))
    redis.call('PEXPIRE', KEYS[i], (slices + 2) * length)
    sums[i] = sums[i] + amount
    resets[i] = (math.floor(now / length) + slices + 1) * length - now
  end
end
for i = 1, #KEYS do
  sums[i], resets[i] = string.format('%.0f', sums[i]), string.format('%.0f', resets[i])
end
return {refused, string.format('%.0f', longest), string.format('%.0f', now), sums, resets}
"""

_SETTLE: Final = """
for i = 1, #KEYS do
  local slice, change = ARGV[i * 2 - 1], ARGV[i * 2]
  if redis.call('HEXISTS', KEYS[i], slice) == 1 then redis.call('HINCRBY', KEYS[i], slice, change) end
end
return 0
"""

_log = logging.getLogger(__name__)


class SharedQuota:
    """
    Args:
        url: `redis://`, `rediss://` or `unix://`. A password in it is never shown.
        own: Counts while the server does not answer, when that lets requests pass.
        on_down: What a server that does not answer means: refuse, or count in this process alone.

    Raises:
        InputError: The URL cannot be used, or the client is not installed.
    """

    def __init__(self, url: str, own: Counting, on_down: FailMode = "block") -> None:
        try:
            from redis.asyncio import Redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
            from redis.exceptions import RedisError
        except ImportError:
            hint = "install it with `pip install 'keeptrusts[redis]'`"
            raise InputError(f"`KEEPTRUSTS_REDIS_URL` is set, but the client of Redis is not here: {hint}") from None
        self._failures: tuple[type[Exception], ...] = (RedisError, OSError, TimeoutError)
        try:
            self._redis: Any = Redis.from_url(
                url,
                socket_timeout=TIMEOUT_SECONDS,
                socket_connect_timeout=TIMEOUT_SECONDS,
                retry=Retry(NoBackoff(), 1),
            )
        except ValueError:
            raise InputError("`KEEPTRUSTS_REDIS_URL` is not a URL of Redis: write `redis://host:6379/0`") from None
        self._take = self._redis.register_script(_TAKE)
        self._settle = self._redis.register_script(_SETTLE)
        self._own = own
        self._on_down = on_down
        self._down_until = 0.0

    async def take(self, meters: Sequence[Meter]) -> Room:
        """As `flow.effects.TakeQuota` asks for it."""
        if time.monotonic() >= self._down_until:
            try:
                told = await self._take(keys=[PREFIX + meter.key for meter in meters], args=_arguments(meters))
                return _room(meters, told)
            except self._failures as failed:
                self._note(failed)
        if self._on_down == "block":
            raise QuotaUnavailableError("Redis does not answer")
        room = await self._own.take(meters)
        return Room(room.refused, room.wait_seconds, room.left, room.reset_seconds, -room.at_ms, degraded=True)

    async def settle(self, changes: Sequence[tuple[Meter, int]], at_ms: int) -> None:
        """What this process counted alone is set right here, the rest where it was counted."""
        if at_ms < 0:
            await self._own.settle(changes, -at_ms)
            return
        arguments = [str(part) for meter, change in changes for part in (at_ms // _length_ms(meter), change)]
        try:
            await self._settle(keys=[PREFIX + meter.key for meter, _ in changes], args=arguments)
        except self._failures as failed:  # what was reserved stays counted
            self._note(failed)

    async def close(self) -> None:
        await self._redis.aclose()

    def _note(self, failed: Exception) -> None:
        self._down_until = time.monotonic() + PAUSE_SECONDS
        shown = {"exception": type(failed).__name__, "on_down": self._on_down}
        _log.error("Redis does not count", extra=shown)


def _length_ms(meter: Meter) -> int:
    return DAY_MS if meter.daily else meter.window_seconds * 1000 // SLICES


def _arguments(meters: Sequence[Meter]) -> list[int]:
    described = [
        part
        for meter in meters
        for part in (
            meter.most,
            _length_ms(meter),
            0 if meter.daily else SLICES,
            meter.amount if meter.unit == "requests" else 1,
        )
    ]
    return described + [meter.amount for meter in meters]


def _room(meters: Sequence[Meter], told: Any) -> Room:
    refused, wait, now, sums, resets = told
    return Room(
        int(refused) - 1 if int(refused) else None,
        max(1, math.ceil(int(wait) / 1000)) if int(refused) else 0,
        tuple(max(0, meter.most - int(used)) for meter, used in zip(meters, sums, strict=True)),
        tuple(max(0, math.ceil(int(reset) / 1000)) for reset in resets),
        int(now),
    )


def counting(settings: Settings) -> Counting:
    """
    Whoever counts, as this gateway is told.

    Raises:
        InputError: `KEEPTRUSTS_REDIS_URL` cannot be used.
    """
    began = time.time() - time.monotonic()
    own = Quota(lambda: began + time.monotonic())
    return SharedQuota(settings.redis_url, own, settings.redis_fail_mode) if settings.redis_url else own
