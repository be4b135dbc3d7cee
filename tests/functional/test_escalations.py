"""Escalations in the control plane: held, claimed, decided, given out once."""

from __future__ import annotations

import base64
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from keeptrusts.control.overdue import look
from keeptrusts.store.columns import rfc3339
from keeptrusts.store.review_tables import escalations
from keeptrusts.store.tables import messages
from support.control import Person, Plane, assert_problem
from support.escalations import HELD, REQUEST, digest, draft, opened, token_of


def redeem(gateway: Person, identifier: str, *, request: str = REQUEST, event: str = "evt_2") -> dict[str, Any]:
    body = {"request_digest": request, "event_id": event}
    return gateway.made(f"/v1/gateway/escalations/{identifier}/redeem", body)


def told(plane: Plane) -> list[str]:
    """The types of messages about escalations in the outbox."""
    with plane.services.store.read() as tx:
        found = tx.connection.execute(select(messages.c.type).order_by(messages.c.id)).scalars().all()
    return [kind for kind in found if kind.startswith("escalation.")]


def test_an_approved_answer_is_given_out_once(still: Plane) -> None:
    """Held, listed, claimed, approved; the request it was held for gets these bytes, and nobody again."""
    gateway = token_of(still)
    identifier = opened(still, gateway)
    (listed,) = still.admin.get("/v1/escalations?state=queued").json()["data"]
    assert (listed["id"], listed["held_digest"], listed["user_id"]) == (identifier, digest(HELD), "ada")
    assert redeem(gateway, identifier) == {"state": "pending"}

    reviewer = still.person("editor")
    assert reviewer.get(f"/v1/escalations/{identifier}/held").json()["text"] == HELD.decode()
    claimed = reviewer.made(f"/v1/escalations/{identifier}/claim", {})
    assert (claimed["state"], claimed["claimed_by"]) == ("claimed", "editor")
    body = {"outcome": "approved", "reason": "checked"}
    decided = reviewer.made(f"/v1/escalations/{identifier}/resolve", body)
    assert (decided["state"], decided["outcome"], decided["reason"]) == ("resolved", "approved", "checked")

    got = redeem(gateway, identifier)
    assert got["state"] == "approved"
    assert base64.b64decode(got["content"]) == HELD
    assert redeem(gateway, identifier) == got, "the same request asks again after a lost answer"
    assert redeem(gateway, identifier, event="evt_3") == {"state": "spent"}
    assert told(still) == ["escalation.created", "escalation.claimed", "escalation.resolved"]
    actions = {one["action"] for one in still.admin.get("/v1/audit-log").json()["data"]}
    assert {"escalation.claim", "escalation.resolve", "escalation.redeem"} <= actions


def test_a_denied_answer_is_gone(still: Plane) -> None:
    """What is denied is held no longer, and the request hears that."""
    gateway = token_of(still)
    identifier = opened(still, gateway)
    still.admin.made(f"/v1/escalations/{identifier}/resolve", {"outcome": "denied", "reason": "no"})
    assert redeem(gateway, identifier) == {"state": "denied"}
    assert_problem(still.admin.get(f"/v1/escalations/{identifier}/held"), 409, "not_held")
    with still.services.store.read() as tx:
        assert tx.connection.execute(select(escalations.c.held)).scalars().all() == [None]


def test_an_approval_is_for_one_request_of_one_gateway(still: Plane) -> None:
    """Another request, another gateway, another organisation: none of them gets it."""
    gateway = token_of(still)
    identifier = opened(still, gateway)
    still.admin.made(f"/v1/escalations/{identifier}/resolve", {"outcome": "approved", "reason": "yes"})
    assert redeem(gateway, identifier, request=digest(b"another")) == {"state": "mismatch"}
    path = f"/v1/gateway/escalations/{identifier}/redeem"
    body = {"request_digest": REQUEST, "event_id": "evt_2"}
    assert_problem(token_of(still, "other").post(path, body), 404, "not_found")
    assert_problem(still.other_admin().post(path, body), 404, "not_found")
    assert_problem(still.other_admin().get(f"/v1/escalations/{identifier}"), 404, "not_found")
    assert redeem(gateway, identifier)["state"] == "approved"


def test_the_same_is_taken_in_once(still: Plane) -> None:
    """A gateway may send what it held again; another thing under the same id is refused."""
    gateway, one = token_of(still), draft()
    assert gateway.made("/v1/gateway/escalations", one) == gateway.made("/v1/gateway/escalations", one)
    other = one | {"content": base64.b64encode(b"x").decode(), "held_digest": digest(b"x")}
    assert_problem(gateway.post("/v1/gateway/escalations", other), 409, "id_taken")
    assert told(still) == ["escalation.created"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"content": "not base64!"}, "invalid_input"),
        ({"held_digest": digest(b"other")}, "digest_mismatch"),
        ({"id": "esc_1"}, "invalid_input"),
        ({"timeout_seconds": 0}, "invalid_input"),
    ],
)
def test_what_does_not_fit_together_is_refused(still: Plane, changed: dict[str, Any], code: str) -> None:
    """The digest is of the bytes, the id of the right form, the time a time."""
    assert_problem(token_of(still).post("/v1/gateway/escalations", draft(**changed)), 422, code)


def test_one_claimant(still: Plane) -> None:
    """Who claimed it decides it or gives it back; an admin may overrule."""
    identifier = opened(still, token_of(still))
    first, second = still.person("editor"), still.person("editor")
    where = f"/v1/escalations/{identifier}"
    first.made(f"{where}/claim", {})
    assert first.made(f"{where}/claim", {})["state"] == "claimed"
    decision = {"outcome": "approved", "reason": "mine"}
    for answer in (second.post(f"{where}/claim"), second.post(f"{where}/unclaim"), still.admin.post(f"{where}/claim")):
        assert_problem(answer, 409, "already_claimed")
        assert answer.json()["detail"].startswith("`editor` claimed it at 20")
    assert_problem(second.post(f"{where}/resolve", decision), 409, "already_claimed")
    assert first.made(f"{where}/unclaim", {})["claimed_by"] is None
    second.made(f"{where}/claim", {})
    made = still.admin.made(f"{where}/resolve", {"outcome": "denied", "reason": "overruled"})
    late = second.post(f"{where}/resolve", decision)
    assert_problem(late, 409, "already_resolved")
    assert late.json()["detail"] == f"`{made['resolved_by']}` decided it at {made['resolved_at']}: denied"


def test_nobody_approves_their_own_request(still: Plane) -> None:
    """Whoever asked, known by the name of their key, may deny it and no more."""
    identifier = opened(still, token_of(still), user_id="editor")
    asker = still.person("editor")
    where = f"/v1/escalations/{identifier}/resolve"
    assert_problem(asker.post(where, {"outcome": "approved", "reason": "please"}), 409, "self_approval")
    assert asker.made(where, {"outcome": "denied", "reason": "a mistake"})["outcome"] == "denied"


def test_a_decision_needs_its_reason_and_what_was_seen(still: Plane) -> None:
    """No reason, 422; another state than the one that was read, 412."""
    identifier = opened(still, token_of(still))
    where = f"/v1/escalations/{identifier}"
    seen = still.admin.get(where).headers["etag"]
    still.admin.made(f"{where}/claim", {})
    for nothing in ("", " \t\n", "\u00a0"):
        answer = still.admin.post(f"{where}/resolve", {"outcome": "approved", "reason": nothing})
        assert_problem(answer, 422, "invalid_input")
    answer = still.admin.post(f"{where}/resolve", {"outcome": "approved", "reason": "x"}, If_Match=seen)
    assert answer.status_code == 412


def test_what_nobody_decides_is_denied(still: Plane) -> None:
    """Past its time it cannot be decided or redeemed, even before the worker has noted it and told the webhooks."""
    gateway = token_of(still)
    identifier = opened(still, gateway)
    _set(still, "due_at", -1)
    assert redeem(gateway, identifier) == {"state": "expired"}
    where = f"/v1/escalations/{identifier}"
    late = {"outcome": "approved", "reason": "late"}
    assert_problem(still.admin.post(f"{where}/resolve", late), 409, "escalation_expired")
    assert look(still.services) == 1
    shown = still.admin.get(where).json()
    assert (shown["state"], shown["outcome"]) == ("expired", "denied")
    assert look(still.services) == 0
    assert told(still) == ["escalation.created", "escalation.expired"]
    assert redeem(gateway, identifier) == {"state": "expired"}


def test_a_lost_answer_is_given_again_for_a_while(still: Plane) -> None:
    """To the event that asked, and not any more when its time is over, whether or not the worker has been there."""
    gateway = token_of(still)
    identifier = opened(still, gateway)
    still.admin.made(f"/v1/escalations/{identifier}/resolve", {"outcome": "approved", "reason": "yes"})
    assert [redeem(gateway, identifier)["state"] for _ in range(2)] == ["approved", "approved"]
    _set(still, "usable_until", -1)
    assert redeem(gateway, identifier) == {"state": "spent"}


def test_an_approval_ends(still: Plane) -> None:
    """After 24 hours it releases nothing, and what was held is deleted."""
    gateway = token_of(still)
    identifier = opened(still, gateway)
    still.admin.made(f"/v1/escalations/{identifier}/resolve", {"outcome": "approved", "reason": "yes"})
    _set(still, "usable_until", -1)
    assert redeem(gateway, identifier) == {"state": "expired"}
    look(still.services)
    assert_problem(still.admin.get(f"/v1/escalations/{identifier}/held"), 409, "not_held")


def test_the_worker_ends_what_is_overdue(control: Plane) -> None:
    """Without anybody asking."""
    identifier = opened(control, token_of(control), timeout_seconds=1)
    until = time.monotonic() + 20
    while control.admin.get(f"/v1/escalations/{identifier}").json()["state"] != "expired":
        assert time.monotonic() < until
        time.sleep(0.2)


def test_held_content_is_sealed_and_for_reviewers(still: Plane) -> None:
    """The database holds no word of it, and who may only look sees that it is there, not what it is."""
    identifier = opened(still, token_of(still))
    with still.services.store.read() as tx:
        (held,) = tx.connection.execute(select(escalations.c.held)).scalars()
    assert b"DE89" not in held
    assert_problem(still.person("viewer").get(f"/v1/escalations/{identifier}/held"), 403, "forbidden")
    shown = still.person("viewer").get(f"/v1/escalations/{identifier}").text
    assert "DE89" not in shown


def test_lists_are_filtered(still: Plane) -> None:
    """By state, policy, assignee and others."""
    gateway = token_of(still)
    first, second = opened(still, gateway), opened(still, gateway, policy="topic-filter", assignee=None)
    found = still.admin.get("/v1/escalations").json()["data"]
    assert [one["id"] for one in found] == [second, first]
    for query, wanted in (("policy=topic-filter", [second]), ("assignee=oversight@example.com", [first]),
                          ("state=claimed", []), ("user_id=ada&state=queued", [second, first])):  # fmt: skip
        found = still.admin.get(f"/v1/escalations?{query}").json()["data"]
        assert [one["id"] for one in found] == wanted, query
    assert found[0]["created_at"] <= rfc3339(still.services.store.clock())


def _set(plane: Plane, column: str, hours: int) -> None:
    with plane.services.store.write() as tx:
        moment = tx.database_now() + timedelta(hours=hours)
        tx.connection.execute(update(escalations).values({column: moment}))
