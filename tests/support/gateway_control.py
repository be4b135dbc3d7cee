"""A small control plane that speaks `api/runtime.py`, with switches for what may go wrong."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keeptrusts.core.errors import InputError
from keeptrusts.policy.document import document_digest
from keeptrusts.trail.bundle import sign

POLICY = """\
pack: {name: test, version: 1.0.0, enabled: true}
policies: {chain: [audit-logger]}
policy: {audit-logger: {}}
providers:
  targets: [{id: mock, provider: mock}]
"""


def policy_named(name: str) -> str:
    """A policy that differs from others by its name."""
    return POLICY.replace("name: test", f"name: {name}")


@dataclass
class FakeControlPlane:
    """
    Args:
        status: When set, every call is answered with it.
        rejects: Ids that are never stored.
        secrets: Config variables by name; `hosts`: where each may go.
        secrets_status: When set, their calls are answered with it.
        refuses_batches: Batches with an event of this `number` are refused whole with 422.
    """

    port: int = 0
    token: str = "kt_gw_1_secret"
    bundle: dict[str, str] | None = None
    epoch: int = 0
    keys: dict[str, bytes] = field(default_factory=lambda: {"key_1": bytes(32)})
    status: int | None = None
    rejects: set[str] = field(default_factory=set)
    refuses_batches: int | None = None
    secrets: dict[str, str] = field(default_factory=dict)
    hosts: dict[str, list[str]] = field(default_factory=dict)
    secrets_status: int | None = None
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def publish(self, text: str = POLICY, *, key_id: str = "key_1", **payload: Any) -> None:
        """Sign a bundle of this policy and offer it; `payload` overrides."""
        self.epoch += 1
        try:
            digest = document_digest(text)
        except InputError:  # some tests publish what does not lint
            digest = "sha256:none"
        fields = {
            "gateway_id": "gw_" + "1" * 32,
            "organisation": "org_1",
            "configuration_id": "cfg_1",
            "configuration_version": self.epoch,
            "config_digest": digest,
            "policy_yaml": text,
            "fail_mode": "block",
            "epoch": self.epoch,
            "issued_at": "2026-01-01T00:00:00Z",
            "not_after": "2099-01-01T00:00:00Z",
        }
        self.bundle = sign(fields | payload, key_id, self.keys[key_id])
        self.changed.set()
        self.changed = asyncio.Event()

    async def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, Any]:
        """Status, etag and body."""
        self.calls.append(f"{method} {path}")
        if self.status is not None:
            return self.status, "", {"code": "broken", "detail": "not now", "status": self.status}
        if headers.get("authorization") != f"Bearer {self.token}":
            problem = {"code": "invalid_api_key", "detail": "the key is not known; rotate it", "request_id": "req_1"}
            return 401, "", problem
        if (method, path) == ("GET", "/v1/gateway/bundle"):
            return await self._bundle(headers)
        if path.startswith("/v1/gateway/variables/"):
            return self._secret(path.rpartition("/")[2])
        return self._simple(method, path, body)

    def _simple(self, method: str, path: str, body: bytes) -> tuple[int, str, Any]:
        match f"{method} {path}":
            case "GET /v1/trail/keys":
                names = ("key_id", "public_key", "retired_at")
                listed = [
                    dict(zip(names, (name, _public(seed), None), strict=True)) for name, seed in self.keys.items()
                ]
                return 200, "", {"data": listed, "next_cursor": None, "has_more": False}
            case "POST /v1/gateway/events":
                return self._events(json.loads(body)["events"])
            case "POST /v1/gateway/status":
                self.reports.append(json.loads(body))
                return 200, "", {"gateway_id": "gw_1", "desired_digest": None}
            case _:
                return 404, "", {"code": "not_found", "detail": "no such route"}

    def _secret(self, name: str) -> tuple[int, str, Any]:
        status = self.secrets_status or (200 if name in self.secrets else 404)
        if status != 200:
            return status, "", {"code": "broken", "detail": "not now"}
        return status, "", {"value": self.secrets[name], "allowed_hosts": self.hosts.get(name)}

    async def _bundle(self, headers: dict[str, str]) -> tuple[int, str, Any]:
        seen = headers.get("if-none-match")
        if self.bundle is not None and self._etag() == seen and "wait=" in headers.get("prefer", ""):
            try:
                await asyncio.wait_for(self.changed.wait(), 30)
            except TimeoutError:
                return 304, self._etag(), None
        if self.bundle is None:
            return 404, "", {"code": "no_configuration", "detail": "the gateway has no configuration"}
        if self._etag() == seen:
            return 304, self._etag(), None
        return 200, self._etag(), self.bundle

    def _etag(self) -> str:
        assert self.bundle is not None
        return f'"{hash(self.bundle["payload"])}"'

    def _events(self, events: list[dict[str, Any]]) -> tuple[int, str, Any]:
        if any(event.get("number") == self.refuses_batches for event in events if "number" in event):
            return 422, "", {"code": "invalid_input", "detail": "no"}
        self.batches.append(len(events))
        receipt: dict[str, list[Any]] = {"accepted": [], "duplicates": [], "rejected": []}
        for index, event in enumerate(events):
            if event["id"] in self.rejects:
                receipt["rejected"].append({"index": index, "id": event["id"], "code": "invalid_event"})
            elif event["id"] in self.events:
                receipt["duplicates"].append(event["id"])
            else:
                self.events[event["id"]] = event
                receipt["accepted"].append(event["id"])
        return 200, "", receipt


def _public(seed: bytes) -> str:
    return base64.b64encode(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()).decode()


async def _serve(plane: FakeControlPlane, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            status, etag, shown = await plane.answer(method, path, headers, body)
            content = b"" if shown is None else json.dumps(shown).encode()
            length = "" if status == 304 else f"content-length: {len(content)}\r\n"
            writer.write(f"HTTP/1.1 {status} X\r\netag: {etag}\r\n{length}\r\n".encode() + content)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


@asynccontextmanager
async def fake_control_plane(port: int = 0) -> AsyncIterator[FakeControlPlane]:
    """One that listens; on the same port again when it is given."""
    plane = FakeControlPlane()
    server = await asyncio.start_server(lambda reader, writer: _serve(plane, reader, writer), "127.0.0.1", port)
    plane.port = server.sockets[0].getsockname()[1]
    try:
        yield plane
    finally:
        server.close()
