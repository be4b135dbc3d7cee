"""
The gateway process: puts the parts together, starts them, and ends them in order.

`run` returns when a signal has ended it, or when `stop` is set.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop
from uuid_utils import uuid7

from keeptrusts.core.decision import Decision
from keeptrusts.core.errors import ApiError, InputError, KeeptrustsError, NotAuthorisedError
from keeptrusts.core.ids import EVENT, INSTANCE, make_id
from keeptrusts.core.version import VERSION
from keeptrusts.flow.arrival import Snapshot
from keeptrusts.flow.chat import serve
from keeptrusts.gateway.active import Active, Holder
from keeptrusts.gateway.admission import Access
from keeptrusts.gateway.bundles import Bundles, BundleSettings, SnapshotMaker
from keeptrusts.gateway.callbacks import Callbacks
from keeptrusts.gateway.callers import read_client_keys
from keeptrusts.gateway.certificate import Certificate
from keeptrusts.gateway.control_plane import Backoff, ControlPlane
from keeptrusts.gateway.driver import World
from keeptrusts.gateway.endpoints import Endpoints
from keeptrusts.gateway.files import PolicyFiles, read_layers
from keeptrusts.gateway.holding import Holding
from keeptrusts.gateway.journal import SEGMENT_BYTES, Journal, SpoolSettings
from keeptrusts.gateway.listening import Server
from keeptrusts.gateway.memory import keep_configuration, settle_memory
from keeptrusts.gateway.metrics import Metrics
from keeptrusts.gateway.mocking import answer_as_mock
from keeptrusts.gateway.peers import Peers
from keeptrusts.gateway.reporting import Reporter
from keeptrusts.gateway.responses import rfc3339
from keeptrusts.gateway.settings import Settings
from keeptrusts.gateway.shared_quota import counting
from keeptrusts.gateway.shipping import Shipper
from keeptrusts.gateway.spool import Spool
from keeptrusts.gateway.telling import tell
from keeptrusts.gateway.upstream import Pool
from keeptrusts.gateway.variables import Variables
from keeptrusts.gateway.witness import Witness
from keeptrusts.policy.compiled import CircuitBreaker, CompiledPolicy
from keeptrusts.policy.document import compile_document
from keeptrusts.trail.chain import gap_event

FLUSH_SECONDS = 5.0
_log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """
    Serve until SIGTERM or SIGINT, then drain.

    Raises:
        InputError: The settings, the policy or the spool cannot be used.
        NotAuthorisedError: The control plane refuses the token, and no earlier bundle is here.
    """
    settings.check()
    settle_memory()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_until_stopped(settings))


async def rehearse(settings: Settings) -> Active:
    """
    What would be enforced: the policy is read and compiled, and nothing else is begun.

    Raises:
        KeeptrustsError: It would not start.
    """
    settings.check()
    if settings.client_keys is not None:
        read_client_keys(settings.client_keys)
    _certificate(settings)
    holder, pool = Holder(), Pool()
    api = _control_plane(settings, pool)
    if settings.policy_files:
        fail_open = settings.fail_mode == "allow"
        await PolicyFiles(settings.policy_files, holder, lambda one: Snapshot(policy=one), fail_open=fail_open).load()
    elif api is not None:
        with tempfile.TemporaryDirectory() as scratch:
            await Bundles(api, holder, _bundle_settings(settings, Path(scratch), _plain_snapshot)).fetch()
    pool.close()
    assert holder.active is not None
    return holder.active


async def serve_until_stopped(settings: Settings, stop: asyncio.Event | None = None) -> None:
    """
    As `run`, on the loop that is running.

    Args:
        stop: Ends it when set; without one, the signals do.
    """
    async with started(settings) as gateway:
        ended = stop or asyncio.Event()
        loop = asyncio.get_running_loop()
        if stop is None:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, ended.set)
            loop.add_signal_handler(signal.SIGHUP, lambda: gateway.spawn(gateway.reload_quietly()))
        await ended.wait()
        _log.info("draining", extra={"seconds": settings.drain_seconds})


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[Gateway]:
    """A gateway that listens, and is drained when the block ends."""
    if settings.policy_files and not settings.spool_dir.exists():
        # a document that does not lint leaves no trace: no folder that a corrected start would have to explain
        text = await asyncio.to_thread(read_layers, settings.policy_files)
        await asyncio.to_thread(compile_document, text)
    async with AsyncExitStack() as stack:
        gateway = Gateway(settings)
        stack.push_async_callback(gateway.close)
        await gateway.start()
        yield gateway


class Gateway:
    """
    One gateway, all its parts. Made on a running loop.

    Raises:
        InputError: The spool or the file of client keys cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.holder = Holder()
        self.metrics = Metrics()
        keys = read_client_keys(settings.client_keys) if settings.client_keys else None
        self._certificate = _certificate(settings)
        journal = _journal(settings)
        if journal.torn_bytes:
            _log.warning("the end of a record that was never acknowledged was cut", extra={"bytes": journal.torn_bytes})
        self.spool = Spool(journal)
        self.pool = Pool()
        self.api = _control_plane(settings, self.pool)
        self._shipper = Shipper(self.spool, settings.spool_dir, self.api) if self.api else None
        self._files = self._bundles = None
        if settings.is_managed:
            assert self.api is not None
            kept = _bundle_settings(settings, settings.spool_dir, self._snapshot)
            kept = replace(
                kept, variables=Variables(settings.spool_dir, self.api).of, instance_id=self.spool.instance_id
            )
            self._bundles = Bundles(self.api, self.holder, kept)
        else:
            fail_open = settings.fail_mode == "allow"
            self._files = PolicyFiles(settings.policy_files, self.holder, self._snapshot, fail_open=fail_open)
        self.metrics.show_spool(lambda: self.spool.head.sequence - self.spool.shipped, lambda: self.spool.stored_bytes)
        self._holding = Holding(settings.spool_dir, self.api, settings.group_dir)
        self.world = self._make_world()
        self.endpoints = Endpoints(
            self.world,
            self.holder,
            self.metrics,
            Access(keys, settings.admin_token, settings.max_concurrency),
            serve=serve,
            reload=self.reload,
        )
        self.server = self._make_server()
        self._reporter = self._make_reporter()
        self.holder.on_change = self._activated
        self._tasks: set[asyncio.Task[None]] = set()
        self.port, self._had_configuration = 0, False

    async def start(self) -> None:
        """
        Activate a configuration as far as one is to be had, and listen.

        Raises:
            InputError: The policy files do not lint, or the port is taken.
            NotAuthorisedError: The token is refused and there is nothing to fall back on.
        """
        if self._files is not None:
            await self._files.load()
            self.spawn(_kept_up(self._files.watch))
        if self._bundles is not None:
            await self._first_bundle(self._bundles)
            self.spawn(_kept_up(self._bundles.follow))
        await self._listen()
        if self.metrics.peers is not None:
            await self.metrics.peers.start()
        held = self._holding if self.api is not None else None
        for part in (self._shipper, self._reporter, held, self.callbacks):
            if part is not None:
                self.spawn(_kept_up(part.run))

    async def reload(self) -> bool:
        """Read the configuration again; whether it changed. Raises `KeeptrustsError`; what is active stays then."""
        if self._files is not None:
            return await self._files.reload()
        assert self._bundles is not None
        return await self._bundles.fetch()

    async def reload_quietly(self) -> None:
        """As `reload`, and the certificate with it; a failure is logged."""
        try:
            if self._certificate is not None:
                self._certificate.load()
            await self.reload()
        except KeeptrustsError as failed:
            _log.warning("reload failed", extra={"reason": str(failed)})

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside; it ends with the gateway. One that fails is logged and hurts no other."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Finish what is in flight, store and ship what is recorded, stop."""
        await self.server.drain(self.settings.drain_seconds)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.callbacks.flush(), FLUSH_SECONDS)
        if self._shipper is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._shipper.flush(), FLUSH_SECONDS)
        await self.spool.close()
        await self.world.quota.close()
        if self.metrics.peers is not None:
            self.metrics.peers.close()
        self.pool.close()
        _log.info("stopped", extra={"records": self.spool.head.sequence, "shipped": self.spool.shipped})

    async def _listen(self) -> None:
        settings = self.settings
        try:
            tls = self._certificate.context if self._certificate is not None else None
            self.port = await self.server.listen(
                settings.host, settings.port, tls=tls, shares_port=settings.worker is not None
            )
        except OSError as taken:
            reason = os.strerror(taken.errno).lower() if taken.errno else str(taken)
            raise KeeptrustsError(
                f"cannot listen on `{settings.host}:{settings.port}`: {reason}; choose another `--listen`",
                code="cannot_listen",
            ) from None
        shown = {"address": settings.host, "port": self.port, "version": VERSION, "tls": tls is not None}
        if settings.worker is not None:
            shown |= {"worker": settings.worker, "pid": os.getpid()}
        _log.info("listening", extra={**shown, "instance_id": self.spool.instance_id})
        if settings.client_keys is None and settings.host not in {"127.0.0.1", "::1", "localhost"}:
            _log.warning("everybody who can reach the port is served; `--client-keys FILE` asks callers for a key")

    async def _first_bundle(self, bundles: Bundles) -> None:
        fallback = await bundles.load_last()
        try:
            await bundles.fetch()
        except ApiError as refused:
            if refused.status in {401, 403} and not fallback:
                raise NotAuthorisedError(
                    f"the control plane refuses the token: {refused}; make another with `kt gateway token create`",
                    code=refused.code,
                ) from None
            bundles.note(refused)
        except KeeptrustsError as unfit:
            bundles.note(unfit)

    def _watch(self, decision: Decision) -> None:
        self.metrics.watch(decision)
        tell(decision)
        self.callbacks.notice(decision)

    def _make_world(self) -> World:
        quota = counting(self.settings)
        self.callbacks = Callbacks(self.pool, lambda: self.holder.active)
        world = World(self.pool, self.spool, quota, self._watch, answer_as_mock, holding=self._holding)
        self.metrics.show_targets(world.standings, self._breaker)
        if self.settings.peers is not None and self.settings.worker is not None:
            self.metrics.peers = Peers(self.settings.peers, self.settings.worker, self.metrics.text)
        return world

    def _make_server(self) -> Server:
        answers = self.endpoints
        held = self.settings.max_held_bytes
        return Server(answers.handle, answers.max_body_bytes, vet=answers.vet, max_held_bytes=held)

    def _make_reporter(self) -> Reporter | None:
        known = self._bundles is not None or self.settings.gateway_id is not None
        if self.api is None or not known:
            return None
        witness = Witness(self.settings.spool_dir)
        return Reporter(self.api, self.holder, self.spool, self._gateway_id, witness)

    def _gateway_id(self) -> str | None:
        return self._bundles.gateway_id if self._bundles is not None else self.settings.gateway_id

    def _breaker(self) -> CircuitBreaker | None:
        active = self.holder.active
        return active.snapshot.policy.circuit_breaker if active else None

    def _activated(self, active: Active) -> None:
        self.world.standings.keep(active.routes)
        self.metrics.activated(active.digest, active.snapshot.policy.streaming.max_holdback_chars)
        keep_configuration(is_first=not self._had_configuration)
        self._had_configuration = True
        if self._reporter is not None:
            self._reporter.activated(active)

    def _snapshot(self, policy: CompiledPolicy, payload: Mapping[str, Any] | None = None) -> Snapshot:
        if self.settings.worker is not None and not self.settings.redis_url and policy.is_limited:
            raise InputError(
                "the document counts over requests, and each of several workers would count for itself:"
                " set `KEEPTRUSTS_REDIS_URL`, or run one worker"
            )
        told = payload or {}
        return Snapshot(
            policy=policy,
            gateway_id=told.get("gateway_id", self.settings.gateway_id),
            instance_id=self.spool.instance_id,
            configuration_id=told.get("configuration_id"),
            configuration_version=told.get("configuration_version"),
        )

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (bug := task.exception()) is not None:
            _log.error("a part of the gateway failed", exc_info=bug)


def _certificate(settings: Settings) -> Certificate | None:
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return Certificate(settings.tls_cert, settings.tls_key)


async def _kept_up(run: Callable[[], Awaitable[None]]) -> None:
    """Run what must not end; a bug in it is logged, and it starts again."""
    backoff = Backoff()
    while True:
        try:
            await run()
        except Exception:  # noqa: BLE001 - whatever it is, shipping goes on
            _log.exception("a part of the gateway failed; it starts again")
        await backoff.wait()


def _bundle_settings(settings: Settings, directory: Path, snapshot: SnapshotMaker) -> BundleSettings:
    mode = settings.fail_mode
    fail_open = None if mode is None else mode == "allow"
    return BundleSettings(directory, settings.gateway_id, fail_open, snapshot, lambda: datetime.now(UTC))


def _plain_snapshot(policy: CompiledPolicy, payload: Mapping[str, Any]) -> Snapshot:
    return Snapshot(policy=policy, gateway_id=payload["gateway_id"], configuration_id=payload["configuration_id"])


def _journal(settings: Settings) -> Journal:
    # Room is made by whole segments, so a small spool has small ones.
    segment_bytes = min(SEGMENT_BYTES, settings.spool_max_bytes // 8)
    kept = SpoolSettings(settings.spool_dir, settings.spool_max_bytes, settings.on_spool_full, segment_bytes)

    def gap(first: int, last: int, reason: str) -> dict[str, Any]:
        event = gap_event(make_id(EVENT, uuid7().bytes), rfc3339(time.time_ns() // 1000), first, last, reason)
        return event | {"gateway_id": settings.gateway_id}

    return Journal(kept, make_id(INSTANCE, uuid7().bytes), gap)


def _control_plane(settings: Settings, pool: Pool) -> ControlPlane | None:
    if settings.api_url is None or not settings.token:
        return None
    return ControlPlane(pool, settings.api_url, settings.token, settings.gateway_id)
