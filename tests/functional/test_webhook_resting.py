"""An endpoint that asks for time gets it, for all that it would be sent."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from keeptrusts.control.settings import Settings
from support.control import plane
from support.webhooks import Clock, Post, Receiver, Reply, receiver


def test_who_asks_for_time_is_not_asked_at_all(settings: Settings) -> None:
    """What else is due waits, too, and then comes; another URL of the same webhook has asked for nothing."""
    insecure = replace(settings, allow_insecure_webhooks=True)
    with receiver() as target, plane(insecure, background=()) as found:
        post = Post(found, Clock())
        asyncio.run(_walk(post, target))


async def _walk(post: Post, target: Receiver) -> None:
    webhook = post.register(target.url, "event.blocked")
    target.replies = [Reply(429, (("Retry-After", "30"),))]
    post.publish("event.blocked", 5)
    async with post.courier() as courier:
        await courier.settle()
        assert len(target.letters) == 1
        post.clock.pass_time(seconds=29)
        await courier.settle()
        assert len(target.letters) == 1
        post.clock.pass_time(seconds=2)
        await courier.settle()
        assert sorted(one.message["data"]["number"] for one in target.letters[1:]) == [0, 1, 2, 3, 4]
        target.replies = [Reply(503, (("Retry-After", "30"),))]
        post.publish("event.blocked", 2)
        await courier.settle()
        assert len(target.letters) == 7
        post.plane.admin.patch(f"/v1/webhooks/{webhook['id']}", {"url": target.url + "/other"})
        post.publish("event.blocked")
        await courier.settle()
        assert [one.path for one in target.letters[7:]] == ["/hook/other"] * 2
