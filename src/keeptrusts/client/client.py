"""The way in: one address, one credential, one attribute per noun."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self, cast

from keeptrusts.client.audit import Audit
from keeptrusts.client.calls import Calls
from keeptrusts.client.configurations import Configurations
from keeptrusts.client.escalations import Escalations
from keeptrusts.client.events import Events
from keeptrusts.client.exports import Exports
from keeptrusts.client.gateways import Gateways
from keeptrusts.client.tokens import Tokens
from keeptrusts.client.trail import Trail
from keeptrusts.client.transport import HttpTransport
from keeptrusts.client.variables import Variables
from keeptrusts.client.webhooks import Webhooks
from keeptrusts.core.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keeptrusts.api.console import Link
    from keeptrusts.api.runtime import TrailKey
    from keeptrusts.api.tokens import Whoami

USER_AGENT: Final = f"keeptrusts-python/{VERSION}"


@dataclass(frozen=True, slots=True)
class Probe:
    """
    What a control plane looks like from here.

    Args:
        clock_skew_seconds: By how much its clock is ahead of ours; None when it does not tell the time.
    """

    version: str
    latency_ms: float
    clock_skew_seconds: float | None


class Client:
    """
    A control plane, asked with one credential. Threads may share it.

    Args:
        token: Empty for what needs no credential.
        timeout_seconds: Longest silence of the control plane within one try.
        max_retries: Tries after the first, with growing pauses.
        ca_certificate: PEM text, or the path of a PEM file, of authorities trusted instead of the system's.
        stop: Asked before and during every pause; True ends the trying, with the failure at hand.

    Raises:
        InputError: An address or a token that cannot be one.
    """

    def __init__(
        self,
        base_url: str,
        token: str = "",
        *,
        timeout_seconds: float = 30,
        max_retries: int = 4,
        user_agent: str = USER_AGENT,
        ca_certificate: str | None = None,
        insecure_skip_verify: bool = False,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        self._transport = HttpTransport(
            base_url,
            token,
            timeout_seconds=timeout_seconds,
            user_agent=user_agent,
            ca_certificate=ca_certificate,
            insecure_skip_verify=insecure_skip_verify,
        )
        calls = Calls(self._transport, max_retries=max_retries, stop=stop)
        self._calls: Final = calls
        self.configurations: Final = Configurations(calls)
        self.gateways: Final = Gateways(calls)
        self.webhooks: Final = Webhooks(calls)
        self.exports: Final = Exports(calls)
        self.tokens: Final = Tokens(calls)
        self.escalations: Final = Escalations(calls)
        self.events: Final = Events(calls)
        self.variables: Final = Variables(calls)
        self.trail: Final = Trail(calls)
        self.audit: Final = Audit(calls)

    def __repr__(self) -> str:
        return f"Client({self._transport.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let the connections go."""
        self._transport.close()

    def whoami(self) -> Whoami:
        """Who this credential is."""
        return cast("Whoami", self._calls.get("/v1/whoami").value)

    def console_link(self) -> Link:
        """A link that signs a browser in to the console, once, with the rights of this credential."""
        return cast("Link", self._calls.post("/console/links", {}).value)

    def health(self) -> dict[str, str]:
        """`status` and `version` of the control plane; needs no credential."""
        return cast(dict[str, str], self._calls.get("/healthz").value)

    def probe(self) -> Probe:
        """One short exchange with the control plane, looked at from the outside; needs no credential."""
        began = time.monotonic()
        answer = self._calls.get("/healthz")
        latency = time.monotonic() - began
        told = answer.headers.get("date")
        skew = None
        if told is not None:
            from email.utils import parsedate_to_datetime

            # the header has whole seconds
            skew = (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds() + 0.5
        return Probe(str(answer.value["version"]), latency * 1000, skew)

    def ready(self) -> dict[str, str]:
        """The same, once it can serve; 503 before."""
        return cast(dict[str, str], self._calls.get("/readyz").value)

    def trail_keys(self) -> list[TrailKey]:
        """The keys that sign bundles and checkpoints."""
        found = self._calls.get("/v1/trail/keys").value
        return cast("list[TrailKey]", found["data"] if isinstance(found, dict) else found)
