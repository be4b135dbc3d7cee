"""The rate of a key is kept without a thread for each request."""

from __future__ import annotations

import threading

import pytest

from keeptrusts.control import credentials
from support.control import Person


def test_a_request_starts_no_thread_for_its_count(admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the library would like to sweep after it."""
    admin.get("/v1/whoami")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(threading, "Timer", refuse)
    answer = admin.get("/v1/whoami")
    assert answer.status_code == 200
    assert int(answer.headers["RateLimit-Remaining"]) > 0


def test_counts_of_keys_that_are_gone_are_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the next request after a while, so that memory does not grow with every key there ever was."""
    monkeypatch.setattr(credentials, "SWEPT_EVERY_S", -1.0)
    counters = credentials.Counters()
    counters.incr("gone", 0)
    counters.incr("here", 60)
    assert set(counters.storage) == {"here"}
