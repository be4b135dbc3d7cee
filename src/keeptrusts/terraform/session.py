"""What a configured provider holds: the way to the control plane, and what this run has made."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keeptrusts.core.errors import InputError
from keeptrusts.core.version import VERSION
from keeptrusts.terraform.reads import Reads

if TYPE_CHECKING:
    from keeptrusts.client import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach the control plane."""

    api_url: str
    api_key: str
    timeout_seconds: float = 30
    max_retries: int = 4
    ca_certificate: str | None = None
    insecure_skip_verify: bool = False


@dataclass(slots=True)
class Session:
    """
    Shared by every call of this process.

    Args:
        configured: Whether Terraform told us anything: it does for a plan, not for `validate`.
        access: None: not known before apply.
        default_labels: None: likewise.
        identities: Whether this Terraform keeps the identity of an object beside its state.
        lost: The control plane is out of reach, or does not take the key: whatever is read next would fail likewise.
    """

    configured: bool = False
    access: Access | None = None
    default_labels: Mapping[str, str] | None = field(default_factory=dict)
    terraform_version: str = ""
    identities: bool = True
    stopping: threading.Event = field(default_factory=threading.Event)
    lost: bool = False
    made: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    reads: Reads = field(init=False)
    _client: Client | None = None

    def __post_init__(self) -> None:
        self.reads = Reads(lambda noun: getattr(self.client, noun))

    @property
    def client(self) -> Client:
        """
        The control plane. Imported and made when it is first needed: a plan of something new never asks it.

        Raises:
            InputError: Where it is will only be known at apply; or its address is none.
        """
        with self.lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def lose(self) -> bool:
        """False: it was lost, and that was told, before."""
        with self.lock:
            first = not self.lost
            self.lost = True
            return first

    def claim(self, identifier: str) -> bool:
        """False: another resource of this run has this object already."""
        with self.lock:
            new = identifier not in self.made
            self.made.add(identifier)
            return new

    def _connect(self) -> Client:
        from keeptrusts.client import Client

        if self.access is None:
            raise InputError(
                "the provider's `api_url`, `api_key` or `organization` is not known yet; apply what they depend on "
                "first (`terraform apply -target=...`), or set `KEEPTRUSTS_API_URL` and `KEEPTRUSTS_API_TOKEN`",
                code="unknown_provider",
            )
        return Client(
            self.access.api_url,
            self.access.api_key,
            timeout_seconds=self.access.timeout_seconds,
            max_retries=self.access.max_retries,
            user_agent=f"terraform-provider-keeptrusts/{VERSION} terraform/{self.terraform_version or 'unknown'}",
            ca_certificate=self.access.ca_certificate,
            insecure_skip_verify=self.access.insecure_skip_verify,
            stop=self.stopping.is_set,
        )
