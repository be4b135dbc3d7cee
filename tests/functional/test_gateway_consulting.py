"""A governed request whose policy asks a service, over real sockets on both sides."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from keeptrusts.flow.chat import serve
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.policy.document import compile_document
from support.gateway_parts import (
    CLOSE,
    always,
    answer,
    fields,
    gateway,
    policy_to,
    post,
    provider,
    read_request,
    run_on_loop,
)
from support.policy_cases import document

ASKED = json.dumps({"model": "m", "messages": [{"role": "user", "content": "tell Ada of Project Apollo"}]}).encode()
SAID = json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": "fine"}}]}).encode()


def policy(service: int, model: int, **block: Any) -> CompiledPolicy:
    """Moderation by a service on one port, a model on another."""
    url = f"http://127.0.0.1:{service}/check"
    moderation = {"endpoint": url, "secret_key_ref": {"env": "MODERATION_KEY"}, **block}
    targets = [{"id": "up", "provider": "openai-compatible", "base_url": f"http://127.0.0.1:{model}"}]
    return compile_document(document({"external-moderation": moderation}, providers={"targets": targets}))


def test_a_service_is_asked_and_its_word_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets the texts and the key; the record gets neither, nor what was answered."""
    monkeypatch.setenv("MODERATION_KEY", "s3cret-key")
    questions: list[bytes] = []

    async def moderate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, body = await read_request(reader)
            questions.append(head + body)
            writer.write(answer(b'{"flagged": false, "note": "Apollo is fine"}'))
            await writer.drain()

    async def scene() -> None:
        async with provider(moderate) as service, provider(always(answer(SAID))) as model:
            async with gateway(tmp_path, policy(service.port, model.port), serve=serve) as rig:
                status, _, body = fields(await rig.ask(post(ASKED, CLOSE)))
                assert (status, body) == (200, SAID)
                (record,) = await rig.recorded(1)

            assert service.connections == 1  # the answer of the model is asked about over the same one
            assert [b"authorization: Bearer s3cret-key" in one for one in questions] == [True, True]
            assert [b"Project Apollo" in one for one in questions] == [True, False]
            lines = [line["asked"] for line in record["policies"]]
            assert [(asked["outcome"], asked["status"]) for (asked,) in lines] == [("answered", 200)] * 2
            kept = json.dumps(record)
            assert "Apollo" not in kept
            assert "s3cret" not in kept

    run_on_loop(scene())


def test_a_client_that_leaves_takes_the_question_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service sees the connection close, no provider is asked, and there is one record."""
    monkeypatch.setenv("MODERATION_KEY", "k")
    asked, gone = asyncio.Event(), asyncio.Event()

    async def moderate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        await read_request(reader)
        asked.set()
        await reader.read()
        gone.set()

    async def scene() -> None:
        async with provider(moderate) as service, provider(always(answer(SAID))) as model:
            compiled = policy(service.port, model.port, timeout_ms=60_000)
            async with gateway(tmp_path, compiled, serve=serve) as rig:
                _, writer = await rig.connect()
                writer.write(post(ASKED))
                await asyncio.wait_for(asked.wait(), 10)
                writer.close()
                await asyncio.wait_for(gone.wait(), 10)
                (record,) = await rig.recorded(1)

            assert (record["status"], record["reason_code"]) == (499, "client_gone")
            assert model.connections == 0

    run_on_loop(scene())


def test_a_service_that_is_late_blocks_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its own time-out, not the provider's."""
    monkeypatch.setenv("MODERATION_KEY", "k")

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        await reader.read()

    async def scene() -> None:
        async with provider(silent) as service, provider(always(answer(SAID))) as model:
            async with gateway(tmp_path, policy(service.port, model.port, timeout_ms=50), serve=serve) as rig:
                status, _, body = fields(await rig.ask(post(ASKED, CLOSE)))
                (record,) = await rig.recorded(1)

            assert (status, json.loads(body)["error"]["code"]) == (409, "input_blocked")
            assert record["reason_code"] == "external_moderation.error"
            assert record["policies"][0]["asked"][0]["outcome"] == "timeout"
            assert model.connections == 0

    run_on_loop(scene())


def test_a_missing_secret_is_said_when_a_configuration_is_activated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By the name of its variable, and only then."""
    monkeypatch.delenv("MODERATION_KEY", raising=False)

    async def scene() -> None:
        for compiled in (policy_to(1), policy(1, 1)):
            async with gateway(tmp_path, compiled):
                pass

    with caplog.at_level(logging.WARNING):
        run_on_loop(scene())
    said = [(record.message, getattr(record, "variable", None)) for record in caplog.records]
    assert said == [("a secret that a policy needs is not set", "MODERATION_KEY")]
