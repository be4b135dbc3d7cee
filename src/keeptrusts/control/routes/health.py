"""`/healthz`, `/readyz`, `/metrics`, `/docs`: for whoever runs the control plane; no key is needed."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from keeptrusts.control.reference_page import CONTENT_SECURITY_POLICY, reference_page
from keeptrusts.control.services import AppServices
from keeptrusts.core.version import VERSION
from keeptrusts.store.apart import databases_of
from keeptrusts.store.migrating import require_current

router = APIRouter(tags=["health"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process is alive."""
    return {"status": "ok", "version": VERSION}


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz")
def readyz(services: AppServices) -> dict[str, str]:
    """The database can be reached and has the shape this version needs; else 503."""
    for each in databases_of(services.store):
        require_current(each)
    return {"status": "ready", "version": VERSION}


@router.get("/metrics", response_class=Response)
def metrics() -> Response:
    """Prometheus text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """`/openapi.json` for people."""
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Referrer-Policy": "no-referrer"}
    return HTMLResponse(reference_page(request.app.openapi()), headers=headers)
