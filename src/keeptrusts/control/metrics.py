"""What `/metrics` counts beside the process itself."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Histogram

REQUESTS: Final = Counter("keeptrusts_control_requests_total", "Requests answered.", ["method", "route", "status"])
SECONDS: Final = Histogram(
    "keeptrusts_control_request_seconds",
    "Time from the whole body to the start of the answer, but for long polls and tails.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
EVENTS: Final = Counter("keeptrusts_control_events_total", "Events taken in.", ["outcome"])
BREAKS: Final = Counter("keeptrusts_control_chain_breaks_total", "Places where a chain did not go on as it should.")

WAITING: Final = frozenset({"/v1/gateway/bundle", "/v1/events/stream"})
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})


def count_request(method: str, route: str | None, status: int, seconds: float) -> None:
    """One answer; `route` is its template, never the address itself, and None when there is no such route."""
    where = route or "none"
    REQUESTS.labels(method if method in METHODS else "other", where, str(status)).inc()
    if where not in WAITING:
        SECONDS.labels(where).observe(seconds)
