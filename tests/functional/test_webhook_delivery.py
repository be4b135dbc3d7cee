"""The courier on both engines, against a real receiver: what is sent, when, how often, and in whose name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from standardwebhooks import WebhookVerificationError

from keeptrusts.control.schedule import DELAYS
from keeptrusts.control.settings import Settings
from keeptrusts.store.jobs import DELIVERIES, Jobs
from keeptrusts.store.tables import messages
from keeptrusts.store.work_tables import jobs
from support.control import Plane, plane
from support.webhooks import Clock, Letter, Post, Receiver, Reply, receiver, until


@pytest.fixture
def target() -> Iterator[Receiver]:
    """Where webhooks go."""
    with receiver() as found:
        yield found


@pytest.fixture
def insecure(settings: Settings) -> Settings:
    """Webhooks may go to this machine."""
    return replace(settings, allow_insecure_webhooks=True)


@pytest.fixture
def post(insecure: Settings) -> Iterator[Post]:
    """Couriers that run when a test says so."""
    with plane(insecure, background=()) as found:
        yield Post(found, Clock())


def _count(found: Plane, table: Any) -> int:
    with found.services.store.read() as tx:
        return len(tx.connection.execute(select(table)).all())


def test_a_message_reaches_who_wants_it(post: Post, target: Receiver) -> None:
    """Signed so that the public library verifies it; nobody else is told; the outbox is empty."""
    wanting = post.register(target.url + "/a", "event.*", headers={"X-Team": "blue"})
    other = post.register(target.url + "/b", "configuration.created")
    post.publish("event.blocked")
    post.settle()
    (letter,) = target.letters
    letter.verify(wanting["secret"])
    with pytest.raises(WebhookVerificationError):
        letter.verify(other["secret"])
    assert (letter.path, letter.headers["x-team"]) == ("/hook/a", "blue")
    assert letter.headers["content-type"] == "application/json"
    assert letter.message["type"] == "event.blocked"
    assert letter.message["data"] == {"id": "evt_0", "number": 0}
    (delivery,) = post.deliveries(wanting)
    assert (delivery["id"], delivery["state"], delivery["attempts"]) == (letter.id, "delivered", 1)
    assert (delivery["last_status"], delivery["last_error"], delivery["next_attempt_at"]) == (204, None, None)
    assert post.deliveries(other) == []
    assert (_count(post.plane, messages), _count(post.plane, jobs)) == (0, 0)


def test_the_whole_schedule(post: Post, target: Receiver) -> None:
    """Ten attempts at their stated times under one id, no earlier; then it is dead, and can be seen."""
    webhook = post.register(target.url, "event.blocked")
    target.always = Reply(500)
    post.publish("event.blocked")
    for number, delay in enumerate(DELAYS):
        if delay:
            post.clock.pass_time(seconds=delay.total_seconds() - 2)
            post.settle()
            assert len(target.letters) == number, delay
            post.clock.pass_time(seconds=3)
        post.settle()
        assert len(target.letters) == number + 1, delay
    post.clock.pass_time(days=30)
    post.settle()
    assert len(target.letters) == len(DELAYS) == 10
    assert len(set(target.ids)) == 1
    (delivery,) = post.deliveries(webhook)
    assert (delivery["state"], delivery["attempts"], delivery["next_attempt_at"]) == ("dead", 10, None)
    assert (delivery["last_status"], delivery["last_error"]) == (500, "the endpoint answered 500")
    listed = post.plane.admin.get(f"/v1/webhooks/{webhook['id']}/deliveries?state=dead").json()["data"]
    assert listed == [delivery]


def test_a_dead_one_can_be_sent_again(post: Post, target: Receiver) -> None:
    """Under the same `webhook-id`, with a fresh schedule."""
    webhook = post.register(target.url, "event.blocked")
    target.replies = [Reply(500)] * 10
    post.publish("event.blocked")
    for delay in DELAYS:
        post.clock.pass_time(seconds=delay.total_seconds() + 1)
        post.settle()
    (dead,) = post.deliveries(webhook)
    assert dead["state"] == "dead"
    path = f"/v1/webhooks/{webhook['id']}/deliveries/{dead['id']}/redeliver"
    again = post.plane.admin.post(path)
    assert (again.status_code, again.json()["state"], again.json()["attempts"]) == (202, "pending", 0)
    post.settle()
    assert len(target.letters) == 11
    assert set(target.ids) == {dead["id"]}
    assert post.deliveries(webhook)[0]["state"] == "delivered"


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 500, 503])
def test_only_2xx_is_success(post: Post, target: Receiver, status: int) -> None:
    """A redirect is not followed, wherever it leads."""
    webhook = post.register(target.url, "event.blocked")
    target.replies = [Reply(status, (("Location", target.url + "/elsewhere"),))]
    post.publish("event.blocked")
    post.settle()
    assert [letter.path for letter in target.letters] == ["/hook"]
    (delivery,) = post.deliveries(webhook)
    assert (delivery["state"], delivery["attempts"], delivery["last_status"]) == ("pending", 1, status)


def test_gone_switches_it_off(post: Post, target: Receiver) -> None:
    """410: the message is dead, the webhook inactive with the reason, the audit log knows; activating resumes it."""
    webhook = post.register(target.url, "event.blocked")
    target.replies = [Reply(410)]
    post.publish("event.blocked", 2)
    post.settle()
    assert len(target.letters) == 1
    shown = post.read(webhook)
    assert not shown["active"]
    assert "410" in shown["disabled_reason"]
    assert [one["state"] for one in post.deliveries(webhook)] == ["pending", "dead"]
    logged = post.plane.admin.get("/v1/audit-log?action=webhook.disable").json()["data"]
    assert [(one["actor"], one["object_id"]) for one in logged] == [("system", webhook["id"])]
    again = post.plane.admin.patch(f"/v1/webhooks/{webhook['id']}", {"active": True}).json()
    assert (again["active"], again["disabled_reason"]) == (True, None)
    post.settle()
    assert [one["state"] for one in post.deliveries(webhook)] == ["delivered", "dead"]


def test_retry_after_is_honoured(post: Post, target: Receiver) -> None:
    """Ten minutes were asked for: not after five seconds, but after ten minutes."""
    webhook = post.register(target.url, "event.blocked")
    target.replies = [Reply(429, (("Retry-After", "600"),))]
    post.publish("event.blocked")
    post.settle()
    post.clock.pass_time(seconds=590)
    post.settle()
    assert len(target.letters) == 1
    post.clock.pass_time(seconds=11)
    post.settle()
    assert [one["state"] for one in post.deliveries(webhook)] == ["delivered"]


def test_five_days_of_failure_switch_it_off(post: Post, target: Receiver) -> None:
    """One success in between starts the count anew."""
    webhook = post.register(target.url, "event.blocked")
    for replies, days in (([Reply(500)], 4), ([], 3), ([Reply(500)], 4.9)):
        target.replies = list(replies)
        post.publish("event.blocked")
        post.settle()
        post.clock.pass_time(days=days)
        target.replies = [Reply(500)] * 3 if days == 4.9 else []
        post.settle()
    assert post.read(webhook)["active"]
    target.replies = [Reply(500)] * 9
    post.clock.pass_time(hours=5)
    post.settle()
    shown = post.read(webhook)
    assert (shown["active"], shown["disabled_reason"]) == (False, "every attempt failed for 5 days")


def test_order_is_kept(post: Post, target: Receiver) -> None:
    """An endpoint gets messages one after the other, in the order they were published."""
    post.register(target.url, "event.blocked")
    post.publish("event.blocked", 40)
    post.settle(couriers=2)
    assert [letter.message["data"]["number"] for letter in target.letters] == list(range(40))


def test_two_couriers_lose_and_repeat_nothing(post: Post, target: Receiver) -> None:
    """200 messages to three endpoints, two workers in a race: each message once at each endpoint."""
    webhooks = [post.register(f"{target.url}/{number}", "event.blocked") for number in range(3)]
    post.publish("event.blocked", 200)
    post.settle(couriers=2)
    assert len(target.ids) == len(set(target.ids)) == 600
    for number in range(3):
        mine = [one.message["data"]["number"] for one in target.letters if one.path == f"/hook/{number}"]
        assert mine == list(range(200))
    assert {one["state"] for webhook in webhooks for one in post.deliveries(webhook)} == {"delivered"}
    assert _count(post.plane, jobs) == 0


def test_one_that_fails_among_many(post: Post, target: Receiver) -> None:
    """Those before and behind it arrive, each once and in order; it alone is tried again."""
    webhook = post.register(target.url, "event.blocked")
    post.publish("event.blocked", 6)
    target.replies = [Reply(204), Reply(202), Reply(500)]
    post.settle()
    assert [letter.message["data"]["number"] for letter in target.letters] == list(range(6))
    found = [(one["state"], one["attempts"], one["last_status"]) for one in reversed(post.deliveries(webhook))]
    arrived = ("delivered", 1, 204)
    assert found == [arrived, ("delivered", 1, 202), ("pending", 1, 500), arrived, arrived, arrived]
    post.clock.pass_time(seconds=6)
    post.settle()
    assert target.letters[-1].id == target.letters[2].id
    assert len(target.letters) == 7


def test_what_was_sent_is_written_down_at_a_stop(insecure: Settings, target: Receiver) -> None:
    """In the middle of many: those that arrived are not sent again, the others are."""

    class HangsAtTheFourth(list[Letter]):
        def append(self, letter: Letter) -> None:
            super().append(letter)
            target.hang = len(self) >= 4

    target.letters = HangsAtTheFourth()
    with plane(insecure, background=()) as found:
        post = Post(found, Clock())
        webhook = post.register(target.url, "event.blocked")
        post.publish("event.blocked", 6)

        async def stop() -> None:
            async with post.courier() as courier:
                served = asyncio.create_task(courier.settle())
                while len(target.letters) < 4:  # noqa: ASYNC110  the receiver is a thread
                    await asyncio.sleep(0.01)
                served.cancel()

        asyncio.run(stop())
        target.release.set()
        assert [one["state"] for one in reversed(post.deliveries(webhook))] == ["delivered"] * 3 + ["pending"] * 3
        post.settle()
        assert [letter.message["data"]["number"] for letter in target.letters] == [0, 1, 2, 3, 3, 4, 5]


def test_a_worker_that_dies_is_replaced(post: Post, target: Receiver) -> None:
    """Its lease runs out, and not before; the message is sent again under the same id by another."""
    webhook = post.register(target.url, "event.blocked")
    post.publish("event.blocked")
    dying = post.courier()
    assert dying._fan_out() == 1
    (lease,) = dying.crew.claim()
    some = dying._next(lease, 10)
    asyncio.run(_send_and_die(dying, some))
    post.settle()
    assert len(target.letters) == 1
    post.clock.pass_time(seconds=46)
    post.settle()
    assert len(target.letters) == 2
    assert len(set(target.ids)) == 1
    (delivery,) = post.deliveries(webhook)
    assert (delivery["state"], delivery["attempts"]) == ("delivered", 1)
    with pytest.raises(Exception, match="another worker"), post.plane.services.store.write() as tx:
        Jobs(tx.connection, DELIVERIES).renew(lease, post.clock(tx), timedelta(seconds=1))


async def _send_and_die(courier: Any, some: Any) -> None:
    (due,) = some.due
    async with courier:
        assert (await courier._send(some.endpoint, due)).delivered


def test_a_hanging_endpoint_delays_nobody(insecure: Settings, target: Receiver) -> None:
    """The other one has everything while the first letter to one that never answers is still under way."""
    with receiver() as slow, plane(insecure, background=()) as found:
        post = Post(found, Clock(), timeout_s=60.0)
        slow.hang = True
        hanging = post.register(slow.url, "event.blocked")
        post.register(target.url, "event.blocked")
        post.publish("event.blocked", 5)
        tried: list[int] = []

        async def watch() -> None:
            async with post.courier() as courier:
                served = asyncio.create_task(courier.settle())
                while len(target.letters) < 5:  # noqa: ASYNC110  the receiver is a thread
                    await asyncio.sleep(0.01)
                tried.extend(one["attempts"] for one in post.deliveries(hanging))
                slow.release.set()
                await served

        asyncio.run(watch())
        assert tried == [0] * 5


def test_who_hangs_is_given_up(insecure: Settings) -> None:
    """The attempt ends with the time that one may take, and the log of deliveries says so."""
    with receiver() as slow, plane(insecure, background=()) as found:
        post = Post(found, Clock(), timeout_s=0.3)
        slow.hang = True
        hanging = post.register(slow.url, "event.blocked")
        post.publish("event.blocked")
        post.settle()
        slow.release.set()
        assert post.deliveries(hanging)[-1]["last_error"] == "no complete answer within 0.3 s"


def test_rotation_signs_with_both(post: Post, target: Receiver) -> None:
    """For 24 h either secret verifies, in the middle of retries too; then only the new one."""
    webhook = post.register(target.url, "event.blocked")
    target.replies = [Reply(500)]
    post.publish("event.blocked")
    post.settle()
    target.letters[-1].verify(webhook["secret"])
    rotated = post.plane.admin.made(f"/v1/webhooks/{webhook['id']}/rotate-secret", {}, If_Match='"r1"')
    assert (rotated["secret"] != webhook["secret"], rotated["secret_version"]) == (True, 2)
    assert post.plane.admin.post(f"/v1/webhooks/{webhook['id']}/rotate-secret", {}, If_Match='"r1"').status_code == 412
    post.clock.pass_time(seconds=6)
    post.settle()
    target.letters[-1].verify(webhook["secret"])
    target.letters[-1].verify(rotated["secret"])
    assert target.letters[-1].headers["x-keeptrusts-signature"].count("v1=") == 2
    post.clock.pass_time(hours=25)
    post.publish("event.blocked")
    post.settle()
    target.letters[-1].verify(rotated["secret"])
    with pytest.raises(WebhookVerificationError):
        target.letters[-1].verify(webhook["secret"])


def test_formats(post: Post, target: Receiver) -> None:
    """Slack gets one text, CloudEvents its envelope; both are signed as they are sent."""
    slack = post.register(target.url + "/slack", "event.blocked", format="slack")
    cloud = post.register(target.url + "/cloud", "event.blocked", format="cloudevents")
    post.publish("event.blocked")
    post.settle()
    by_path = {letter.path: letter for letter in target.letters}
    by_path["/hook/slack"].verify(slack["secret"])
    assert by_path["/hook/slack"].message == {"text": "*event.blocked*\nid: evt_0\nnumber: 0"}
    by_path["/hook/cloud"].verify(cloud["secret"])
    event = by_path["/hook/cloud"].message
    assert by_path["/hook/cloud"].headers["content-type"] == "application/cloudevents+json"
    assert (event["specversion"], event["type"], event["subject"]) == ("1.0", "dev.keeptrusts.event.blocked", "evt_0")
    assert event["id"] == by_path["/hook/cloud"].id


def test_a_test_reaches_one_that_is_off(post: Post, target: Receiver) -> None:
    """`webhook.test` goes out; what else is pending waits until the webhook is switched on."""
    webhook = post.register(target.url, "event.blocked", active=False)
    made = post.plane.admin.post(f"/v1/webhooks/{webhook['id']}/test")
    assert (made.status_code, made.json()["event_type"]) == (202, "webhook.test")
    post.publish("event.blocked")
    post.settle()
    assert [letter.message["type"] for letter in target.letters] == ["webhook.test"]
    found = post.plane.admin.get(f"/v1/webhooks/{webhook['id']}/deliveries/{made.json()['id']}").json()
    assert (found["state"], found["last_status"]) == ("delivered", 204)


def test_nobody_is_told_of_another_organisation(post: Post, target: Receiver) -> None:
    """A message goes to the webhooks of its own organisation."""
    other = post.plane.other_admin()
    body = {"url": target.url, "event_types": ["*"]}
    theirs = other.made("/v1/webhooks", body)
    post.publish("event.blocked")
    post.settle()
    assert target.letters == []
    post.publish("event.blocked", org=other.org)
    post.settle()
    target.letters[0].verify(theirs["secret"])


def test_a_deleted_webhook_is_left_alone(post: Post, target: Receiver) -> None:
    """Its deliveries and its job go with it."""
    webhook = post.register(target.url, "event.blocked")
    target.always = Reply(500)
    post.publish("event.blocked", 3)
    post.settle()
    assert post.plane.admin.delete(f"/v1/webhooks/{webhook['id']}").status_code == 204
    assert _count(post.plane, jobs) == 0
    post.clock.pass_time(days=1)
    post.settle()
    assert len(target.letters) == 3


def test_delivery_begins_at_once(insecure: Settings, target: Receiver) -> None:
    """In a running control plane a commit wakes the courier; and a stop is clean."""
    with plane(insecure) as found:
        webhook = found.admin.made("/v1/webhooks", {"url": target.url, "event_types": ["gateway.*"]})
        until(lambda: found.services.store.on_publish is not None)
        found.admin.made("/v1/gateways", {"name": "edge"})
        took = until(lambda: len(target.letters) == 1)
        assert took < 0.9
        assert target.letters[0].message["type"] == "gateway.created"
        target.letters[0].verify(webhook["secret"])


def test_old_deliveries_are_forgotten(post: Post, target: Receiver) -> None:
    """What came to an end a month ago goes; what is pending stays."""
    webhook = post.register(target.url, "event.blocked")
    target.replies = [Reply(204), Reply(500)]
    post.publish("event.blocked", 2)
    post.settle()
    post.clock.pass_time(days=31)
    assert post.courier()._forget() == 1
    assert [one["state"] for one in post.deliveries(webhook)] == ["pending"]
