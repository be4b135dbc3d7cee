"""What a gateway process is told at its start."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from keeptrusts.core.errors import InputError
from keeptrusts.gateway.journal import OnFull

FailMode: TypeAlias = Literal["block", "allow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    Args:
        policy_files: Later ones are laid on earlier ones; none means that the control plane says what to enforce.
        fail_mode: None leaves it to the bundle, and means `block` for files.
        token: A gateway token, or an API key that may act as a gateway.
        max_held_bytes: Of requests that are being received or served; more are answered 503.
        client_keys: File of the keys that callers must show; None asks for none.
        tls_cert: Chain that callers are shown, in PEM; None serves in clear text.
        worker: Which of several processes at one port this is; None when it is alone.
        peers: Directory of the sockets by which those speak to each other.
        redis_url: Where rates and budgets are counted for several gateways; empty: in this process alone.
        redis_fail_mode: When that does not answer: refuse what is limited, or count in this process.
        admin_token: Opens `/keeptrusts/...` from other machines; empty opens it to none.
    """

    host: str
    port: int
    spool_dir: Path
    policy_files: tuple[Path, ...] = ()
    api_url: str | None = None
    token: str | None = field(default=None, repr=False)
    gateway_id: str | None = None
    fail_mode: FailMode | None = None
    max_concurrency: int = 1000
    max_held_bytes: int = 256 * 1024 * 1024
    spool_max_bytes: int = 1024 * 1024 * 1024
    on_spool_full: OnFull = "block"
    drain_seconds: float = 30.0
    client_keys: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    worker: int | None = None
    peers: Path | None = None
    admin_token: str = field(default="", repr=False)
    redis_url: str = field(default="", repr=False)
    redis_fail_mode: FailMode = "block"

    @property
    def is_managed(self) -> bool:
        """The control plane says what to enforce."""
        return not self.policy_files

    @property
    def group_dir(self) -> Path:
        """The first worker's directory: those of the others lie below it."""
        return self.spool_dir.parent if (self.worker or 1) > 1 else self.spool_dir

    def check(self) -> None:
        """
        Refuse what cannot work, before anything is begun.

        Raises:
            InputError: Says what is missing and what to do.
        """
        if self.is_managed and self.api_url is None:
            raise InputError(
                "there is nothing to enforce: give `--policy-config FILE`,"
                " or `--api-url` (`KEEPTRUSTS_API_URL`) and a token"
            )
        if self.api_url is not None:
            self._check_api()
        if (self.tls_cert is None) != (self.tls_key is None):
            raise InputError("`--tls-cert` and `--tls-key` go together: give both")

    def _check_api(self) -> None:
        parts = urlsplit(self.api_url or "")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InputError(f"`{self.api_url}` is not a URL of a control plane: write `https://host`")
        if not self.token:
            raise InputError(
                "the control plane needs a token: set `KEEPTRUSTS_GATEWAY_TOKEN` or `KEEPTRUSTS_API_TOKEN`"
                " (make one with `kt gateway token create`)"
            )
