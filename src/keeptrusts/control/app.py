"""
The application: services, routes, workers and the form of every failure, put together.

A part of the control plane adds its router to `ROUTERS` and its worker to `workers.WORKERS`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from keeptrusts.control import workers
from keeptrusts.control.bundles import Bundles
from keeptrusts.control.credentials import Credentials
from keeptrusts.control.gathering import Gathering
from keeptrusts.control.hub import Hub, events_topic
from keeptrusts.control.middleware import Envelope
from keeptrusts.control.openapi import describe_api
from keeptrusts.control.outbound import OutboundRules
from keeptrusts.control.problem import on_http_error, on_own_error, on_validation_error
from keeptrusts.control.releases import Releases
from keeptrusts.control.routes import (
    audit,
    configurations,
    console,
    erasures,
    escalations,
    events,
    exports,
    gateways,
    health,
    identity,
    providers,
    runtime,
    simulations,
    tokens,
    trail,
    trials,
    variables,
    webhooks,
)
from keeptrusts.control.services import Services, secret_key
from keeptrusts.control.settings import Settings
from keeptrusts.control.shortcut import Shortcut
from keeptrusts.control.signing import Signer
from keeptrusts.control.waves import Waves
from keeptrusts.control.workers import WORKERS, Worker
from keeptrusts.core.errors import KeeptrustsError
from keeptrusts.core.version import VERSION
from keeptrusts.store.apart import open_store
from keeptrusts.store.errors import StoreUnavailableError
from keeptrusts.store.sealing import Sealer

log = logging.getLogger("keeptrusts.control")

# routes are tried one after the other, and what gateways ask all the time is not to be behind fifty others
ROUTERS: Final[tuple[APIRouter, ...]] = (
    events.router,
    runtime.router,
    health.router,
    identity.router,
    configurations.router,
    simulations.router,
    trials.router,
    gateways.router,
    providers.router,
    tokens.router,
    tokens.alias,
    audit.router,
    webhooks.router,
    exports.router,
    escalations.router,
    erasures.router,
    trail.router,
    variables.router,
    console.router,
)


def make_services(settings: Settings) -> Services:
    """Open what the settings name. Nothing is connected yet."""
    store = open_store(settings.database, settings.events_dsn)
    secret = secret_key(settings)
    sealer = Sealer(secret)
    credentials = Credentials(store, requests_per_minute=settings.key_requests_per_minute)
    outbound = OutboundRules.read(insecure=settings.allow_insecure_webhooks, subnets=settings.webhook_allow_private)
    signer = Signer(store, sealer)
    releases = Releases(settings.provider_release, secret)
    hub, bundles = Hub(), Bundles(store, signer)
    gathering = Gathering(store, lambda org: hub.wake(events_topic(org)))
    waves = Waves(hub, bundles)
    return Services(settings, store, sealer, credentials, hub, signer, bundles, outbound, releases, gathering, waves)


def create_app(settings: Settings, services: Services | None = None, background: Sequence[Worker] = WORKERS) -> FastAPI:
    """
    The control plane as an ASGI application; its database must be migrated before it serves.

    Args:
        services: Made from `settings` when absent.
        background: What runs beside the requests.
    """
    # FastAPI would configure OpenTelemetry by itself when a variable says so
    os.environ.setdefault("FASTAPI_OTEL_AUTO_CONFIGURE", "false")
    app = FastAPI(
        title="Keeptrusts",
        version=VERSION,
        summary="AI governance as code: configurations, gateways, events.",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.services = services or make_services(settings)
    app.state.background = background
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(KeeptrustsError, on_own_error)
    app.add_middleware(Envelope)
    app.middleware_stack = Shortcut(app.build_middleware_stack())
    app.openapi = lambda: describe_api(app)  # type: ignore[method-assign]  # the framework's way
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    services.hub.start()
    running = workers.start(services, app.state.background)
    try:
        yield
    finally:
        services.hub.stop()
        await workers.stop(running)
        try:
            await run_in_threadpool(services.credentials.flush)
        except StoreUnavailableError:
            log.warning("the times of last use were not written: the database is away")
        finally:
            await run_in_threadpool(services.store.close)
