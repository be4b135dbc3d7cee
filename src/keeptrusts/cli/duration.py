"""Lengths and moments of time as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import click

SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LENGTH: Final = re.compile(r"([0-9]{1,6})([smhdw])", re.ASCII)


def seconds_of(text: str) -> int | None:
    """`90d`, `12h`, `30m`, `45s`, `2w` in seconds; None when it is no such thing."""
    match = _LENGTH.fullmatch(text)
    return int(match[1]) * SECONDS[match[2]] if match else None


def ago(moment: str) -> float:
    """Seconds since an RFC 3339 moment; negative when it is to come."""
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()


class Duration(click.ParamType[int]):
    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        seconds = seconds_of(str(value))
        if not seconds:
            self.fail(f"`{value}` is not a length of time like 30m, 24h or 90d", param, ctx)
        return seconds


class Moment(click.ParamType[str]):
    """A moment, or how long ago; becomes RFC 3339 in UTC."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if seconds := seconds_of(text):
            return stamp(datetime.now(UTC) - timedelta(seconds=seconds))
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(
                f"`{text}` is neither a moment like 2030-01-31T08:00:00Z nor a length of time like 24h", param, ctx
            )
        return stamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


DURATION: Final = Duration()
MOMENT: Final = Moment()
