"""Lengths and moments of time as people type them."""

from __future__ import annotations

from datetime import UTC, datetime

import click
import pytest

from keeptrusts.cli.duration import DURATION, MOMENT, ago, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45), ("30m", 1800), ("24h", 86_400), ("90d", 7_776_000), ("2w", 1_209_600), ("1y", None), ("h", None),
     ("1.5h", None), ("-1h", None), ("", None), ("1h30m", None), ("\u0661h", None), ("9999999d", None)],
)  # fmt: skip
def test_a_length(text: str, seconds: int | None) -> None:
    """A whole number and one unit; nothing else passes."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["soon", "0h", "24"])
def test_what_is_no_length_is_refused(text: str) -> None:
    """The message shows what one looks like."""
    with pytest.raises(click.BadParameter, match="is not a length of time like 30m"):
        DURATION.convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "stamp"),
    [
        ("2030-01-31T08:00:00Z", "2030-01-31T08:00:00Z"),
        ("2030-01-31T08:00:00+02:00", "2030-01-31T06:00:00Z"),
        ("2030-01-31T08:00:00", "2030-01-31T08:00:00Z"),
        ("2030-01-31", "2030-01-31T00:00:00Z"),
    ],
)
def test_a_moment_is_in_utc(text: str, stamp: str) -> None:
    """Whatever its zone, the control plane gets UTC; without one it is UTC."""
    assert MOMENT.convert(text, None, None) == stamp


def test_a_length_is_a_moment_ago() -> None:
    """`24h` means a day ago."""
    moment = datetime.fromisoformat(MOMENT.convert("24h", None, None))
    assert abs((datetime.now(UTC) - moment).total_seconds() - 86_400) < 60
    assert abs(ago(moment.isoformat()) - 86_400) < 60


def test_what_is_no_moment_is_refused() -> None:
    """The message shows what one looks like."""
    with pytest.raises(click.BadParameter, match="neither a moment like"):
        MOMENT.convert("yesterday", None, None)
