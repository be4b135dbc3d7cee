"""What the operator chose; `kt server run` fills it in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from keeptrusts.control.releases import ReleaseMaker
from keeptrusts.control.smtp import MailServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    Settings of one control-plane process.

    Args:
        database_url: `sqlite:///PATH` or `postgresql://...`; None: `control.db` in `data_dir`.
        events_dsn: Of a database of their own for the events; None: they are in the other.
        secret_key: Seals secrets at rest (32 bytes or more); None: `secret.key` in `data_dir`, made at first start.
        allow_insecure_webhooks: Let webhooks go to http on loopback.
        webhook_allow_private: Networks (CIDR) that webhooks may reach though they are private.
        archive_url: `s3://BUCKET/PREFIX` for archives; None: the data directory.
        key_requests_per_minute: For one API key; gateway tokens have ten times as much.
        provider_release: Makes the release of the Terraform provider that is given out; None: none is.
        mail_server: Takes e-mail to those who decide about escalations; None: they get none.
    """

    data_dir: Path
    database_url: str | None = None
    events_dsn: str | None = None
    secret_key: bytes | None = None
    allow_insecure_webhooks: bool = False
    webhook_allow_private: tuple[str, ...] = ()
    archive_url: str | None = None
    key_requests_per_minute: int = 6000
    provider_release: ReleaseMaker | None = None
    mail_server: MailServer | None = None

    @property
    def database(self) -> str:
        """The URL that is used."""
        return self.database_url or f"sqlite:///{self.data_dir / 'control.db'}"
