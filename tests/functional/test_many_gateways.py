"""Ten thousand gateways cost a few queries a change, and none while nothing changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import update

from keeptrusts.control import bundles as bundles_of
from keeptrusts.control import credentials as credentials_of
from keeptrusts.control.bundles import Bundles
from keeptrusts.core.errors import NotFoundError
from keeptrusts.store import keys as stored_keys
from keeptrusts.store.gateways import Gateways
from keeptrusts.store.keys import split_token
from keeptrusts.store.tables import keys
from support.control import POLICY, Person, Plane, assert_problem

COUNT = 7


def _gateways(plane: Plane) -> list[str]:
    made = plane.admin.made("/v1/configurations", {"name": "production", "policy_yaml": POLICY})["id"]
    fields: dict[str, Any] = {"configuration_id": made}
    return [plane.admin.made("/v1/gateways", {"name": f"edge-{one}", **fields})["id"] for one in range(COUNT)]


def test_those_who_ask_in_one_moment_share_the_queries(still: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each gets its own bundle; one that is not there, or that nobody may know of, fails alone."""
    mine, asked = _gateways(still), []
    really = Gateways.desired

    def counting(self: Gateways, identifiers: Sequence[str]) -> Any:
        asked.append(len(identifiers))
        return really(self, identifiers)

    monkeypatch.setattr(Gateways, "desired", counting)
    monkeypatch.setattr(bundles_of, "AT_ONCE", 4)
    bundles = Bundles(still.services.store, still.services.signer)

    async def ask() -> list[Any]:
        wanted = [bundles.look_up(still.org, one) for one in (*mine, mine[0], "gw_none")]
        return await asyncio.gather(*wanted, return_exceptions=True)

    found = asyncio.run(ask())
    assert asked == [4, 4]
    assert isinstance(found[-1], NotFoundError)
    assert found[-2] is found[0]
    assert len({one.etag for one in found[:-1]}) == COUNT
    assert [bundles.remembered(still.org, one) for one in mine] == [one.etag for one in found[:COUNT]]
    assert asyncio.run(bundles.look_up(still.org, mine[1])) is found[1]
    assert asked == [4, 4]


def test_only_what_changed_meanwhile_is_not_remembered(still: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that changes while several are looked up is asked for anew, and it alone."""
    mine = _gateways(still)
    bundles = Bundles(still.services.store, still.services.signer)
    really = Gateways.desired

    def slow(self: Gateways, identifiers: Sequence[str]) -> Any:
        found = really(self, identifiers)
        bundles.forget(mine[2], "gw_none")
        return found

    monkeypatch.setattr(Gateways, "desired", slow)

    async def ask() -> None:
        await asyncio.gather(*(bundles.look_up(still.org, one) for one in mine))

    asyncio.run(ask())
    assert [bundles.remembered(still.org, one) is None for one in mine] == [one == mine[2] for one in mine]
    assert bundles.epochs([*mine, "gw_none"]) == {one: 1 for one in mine if one != mine[2]}


def test_nobody_else_is_told_what_is_remembered(still: Plane) -> None:
    """The memory of one organisation answers no other."""
    mine = _gateways(still)
    bundles = Bundles(still.services.store, still.services.signer)
    asyncio.run(bundles.look_up(still.org, mine[0]))
    assert bundles.remembered(still.org, mine[0]) is not None
    assert bundles.remembered("org_" + "f" * 32, mine[0]) is None


def test_headers_that_are_too_long(still: Plane) -> None:
    """Refused in the one form, though polls do not pass the framework."""
    named: dict[str, Any] = {"X_Keeptrusts_Gateway_Id": _gateways(still)[0]}
    assert_problem(still.admin.get("/v1/gateway/bundle", **named, Prefer="x" * 1001), 422, "invalid_input")
    assert still.admin.get("/v1/gateway/bundle", **named, If_None_Match="x" * 1000).status_code == 200


def test_keys_are_looked_up_together(still: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in use stays known without a query of its own; one that nobody uses is let go."""
    known = still.services.credentials
    parts = split_token(still.admin.token)
    assert parts is not None
    assert still.admin.get("/v1/whoami").status_code == 200
    known.refresh()

    def refuse(*_: object) -> None:
        raise AssertionError("the key was looked up by itself")

    later = time.monotonic() + credentials_of.TTL_S - 1
    with monkeypatch.context() as patch:
        patch.setattr(credentials_of, "find_credentials", refuse)
        patch.setattr(time, "monotonic", lambda: later)
        assert still.admin.get("/v1/whoami").status_code == 200
    monkeypatch.setattr(credentials_of, "IDLE_S", -100.0)
    known.refresh()
    assert known.remembered(parts[0]) is None


def test_a_key_revoked_elsewhere_is_refused_after_the_next_look(still: Plane) -> None:
    """Which comes every few seconds, before it would have been forgotten."""
    made = still.admin.made("/v1/tokens", {"name": "other", "role": "viewer"})
    assert Person(still.client, made["key"], still.org, made["id"]).get("/v1/whoami").status_code == 200
    with still.services.store.write() as tx:
        tx.connection.execute(update(keys).where(keys.c.id == made["id"]).values(revoked_at=tx.now))
    still.services.credentials.refresh()
    assert Person(still.client, made["key"], still.org, made["id"]).get("/v1/whoami").status_code == 401


def test_what_changed_meanwhile_is_not_overwritten(still: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that this process revokes while all are looked up does not come back."""
    made = still.admin.made("/v1/tokens", {"name": "other", "role": "viewer"})
    assert Person(still.client, made["key"], still.org, made["id"]).get("/v1/whoami").status_code == 200
    known = still.services.credentials

    def slow(connection: Any, key_ids: Any) -> Any:
        found = stored_keys.find_credentials(connection, key_ids)
        known.forget(made["id"])
        return found

    monkeypatch.setattr(credentials_of, "find_credentials", slow)
    known.refresh()
    assert known.remembered(made["id"]) is None
