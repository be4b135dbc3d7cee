"""Who may call, and who a request says it is from."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from keeptrusts.core.errors import NotAuthorisedError
from keeptrusts.gateway.callers import (
    ClientKey,
    ClientKeys,
    address_of,
    caller_of,
    trace_of,
    without_key,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def digest(key: str) -> str:
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


KEYS = ClientKeys(
    {
        digest("good"): ClientKey("app"),
        digest("timed"): ClientKey("batch", NOW + timedelta(seconds=1)),
        digest("old"): ClientKey("gone", NOW),
    }
)


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ((("authorization", "Bearer good"),), "app"),
        ((("authorization", "bearer  good "),), "app"),
        ((("x-api-key", "good"),), "app"),
        ((("authorization", "Bearer timed"),), "batch"),
    ],
)
def test_known_key_has_a_name(headers: tuple[tuple[str, str], ...], name: str) -> None:
    """OpenAI's and Anthropic's ways of sending a key both work."""
    assert KEYS.name_of(headers, NOW) == name


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ((), "missing_api_key"),
        ((("authorization", "Basic good"),), "missing_api_key"),
        ((("authorization", "Bearer "),), "missing_api_key"),
        ((("authorization", "Bearer bad"),), "invalid_api_key"),
        ((("authorization", "Bearer \xff"),), "invalid_api_key"),
        ((("authorization", "Bearer old"),), "expired_api_key"),
    ],
)
def test_other_keys_are_refused_by_name(headers: tuple[tuple[str, str], ...], code: str) -> None:
    """Absent, unknown and expired are told apart."""
    with pytest.raises(NotAuthorisedError) as refused:
        KEYS.name_of(headers, NOW)

    assert refused.value.code == code


def test_caller_is_who_the_fields_say() -> None:
    """The first field of a name counts; credentials are not among the fields a policy sees."""
    headers = (
        ("authorization", "Bearer secret"),
        ("cookie", "secret"),
        ("x-user-id", "ann"),
        ("x-user-id", "bob"),
        ("x-keeptrusts-team-id", "red"),
        ("x-keeptrusts-agent-id", "crawler"),
        ("x-session-id", "s1"),
        ("x-keeptrusts-session-id", "s2"),
    )
    caller = caller_of(headers, key_id="app", ip="10.0.0.1")

    assert (caller.key_id, caller.user_id, caller.team_id, caller.agent_id, caller.session_id, caller.ip) == (
        "app",
        "ann",
        "red",
        "crawler",
        "s2",
        "10.0.0.1",
    )
    assert "secret" not in str(caller)
    assert caller.headers["x-user-id"] == "ann"


def test_key_of_the_gateway_goes_no_further() -> None:
    """Neither way of sending it is passed on."""
    assert without_key((("authorization", "x"), ("x-api-key", "y"), ("accept", "z"))) == (("accept", "z"),)


@pytest.mark.parametrize(
    ("depth", "forwarded", "address"),
    [
        (0, ["1.1.1.1"], "9.9.9.9"),
        (1, ["1.1.1.1, 2.2.2.2"], "2.2.2.2"),
        (2, ["1.1.1.1, 2.2.2.2"], "1.1.1.1"),
        (2, ["1.1.1.1", "2.2.2.2"], "1.1.1.1"),
        (3, ["1.1.1.1, 2.2.2.2"], "9.9.9.9"),
        (1, ["garbage"], "9.9.9.9"),
        (1, [], "9.9.9.9"),
        (1, ["2001:db8::1"], "2001:db8::1"),
    ],
)
def test_address_is_believed_only_from_our_proxies(depth: int, forwarded: list[str], address: str) -> None:
    """What a client writes before our proxies' entries changes nothing."""
    assert address_of("9.9.9.9", tuple(("x-forwarded-for", one) for one in forwarded), depth) == address


@pytest.mark.parametrize(
    ("value", "trace"),
    [
        (
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"),
        ),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", (None, None)),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", (None, None)),
        ("nonsense", (None, None)),
    ],
)
def test_trace_is_that_of_traceparent(value: str, trace: tuple[str | None, str | None]) -> None:
    """With the caller's span in it, as W3C has it; anything else is none."""
    assert trace_of((("traceparent", value),)) == trace
    assert trace_of(()) == (None, None)
