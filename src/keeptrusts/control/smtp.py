"""One e-mail to one mail server, over TLS: the standard library's client, with what went wrong in our own words."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

from keeptrusts.control.letters import is_address
from keeptrusts.core.errors import InputError, KeeptrustsError

Security: TypeAlias = Literal["tls", "starttls", "none"]
SCHEMES: Final[Mapping[str, tuple[Security, int]]] = {
    "smtps": ("tls", 465),
    "smtp": ("starttls", 587),
    "smtp+plain": ("none", 25),
}
USER: Final = "KEEPTRUSTS_SMTP_USER"
PASSWORD: Final = "KEEPTRUSTS_SMTP_PASSWORD"  # noqa: S105  the name of a variable
TIMEOUT_S: Final = 20.0
"""For each step of the conversation."""


class MailError(KeeptrustsError):
    """
    It was not sent.

    Args:
        final: Another attempt would end alike: the server will have nothing to do with this recipient.
    """

    code = "mail_refused"

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where e-mail is handed in, and who it is from."""

    host: str
    port: int
    security: Security
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, url: str, sender: str | None, environment: Mapping[str, str]) -> MailServer:
        """
        From the operator's words: `smtp://HOST` (STARTTLS), `smtps://HOST` (TLS) or `smtp+plain://HOST`.

        Raises:
            InputError: They do not fit, or would send a password in the clear.
        """
        try:
            parts = urlsplit(url)
            security, usual = SCHEMES[parts.scheme]
            host, port = parts.hostname, parts.port or usual
        except (ValueError, KeyError):
            raise InputError("a mail server is `smtp://HOST`, `smtps://HOST` or `smtp+plain://HOST`") from None
        if not host or "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
            raise InputError(f"the mail server's URL holds host and port alone; its user is `{USER}`")
        if sender is None or not is_address(sender):
            raise InputError("`--smtp-from` must be the one address that mail is sent from")
        user, password = environment.get(USER) or None, environment.get(PASSWORD) or None
        if (user is None) != (password is None):
            raise InputError(f"`{USER}` and `{PASSWORD}` are set together or not at all")
        if user is not None and security == "none":
            raise InputError("a password is not sent in the clear; use `smtp://` or `smtps://`")
        return cls(host=host, port=port, security=security, sender=sender, user=user, password=password)


def send(server: MailServer, message: EmailMessage) -> None:
    """
    Hand it in. Blocks; the server's certificate has to be valid for its name.

    Raises:
        MailError: It was not taken.
    """
    try:
        client = _connected(server)
        try:
            client.send_message(message)
        finally:
            _leave(client)
    except smtplib.SMTPRecipientsRefused as refused:
        code = next(iter(refused.recipients.values()))[0]
        raise MailError(f"the mail server refuses the recipient ({code})", final=code >= 500) from None
    except smtplib.SMTPException as failed:
        raise _failure(failed) from None
    except ssl.SSLError:
        raise MailError("the mail server's TLS certificate is not valid for its name, or it speaks no TLS") from None
    except OSError:
        raise MailError("no connection could be made to the mail server, or it was lost") from None


def try_out(server: MailServer) -> None:
    """
    Connect and log in, and send nothing.

    Raises:
        MailError: It does not work.
    """
    try:
        with _connected(server) as client:
            client.noop()
    except smtplib.SMTPException as failed:
        raise _failure(failed) from None
    except ssl.SSLError:
        raise MailError("the mail server's TLS certificate is not valid for its name, or it speaks no TLS") from None
    except OSError:
        raise MailError("no connection could be made to the mail server") from None


def _connected(server: MailServer) -> smtplib.SMTP:
    context = ssl.create_default_context()
    # our own name is the sender's: looking this machine's up may hang
    own = server.sender.rpartition("@")[2]
    if server.security == "tls":
        client: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, local_hostname=own, timeout=TIMEOUT_S, context=context
        )
    else:
        client = smtplib.SMTP(server.host, server.port, local_hostname=own, timeout=TIMEOUT_S)
    try:
        if server.security == "starttls":
            client.starttls(context=context)
        if server.user is not None and server.password is not None:
            client.login(server.user, server.password)
    except BaseException:
        client.close()
        raise
    return client


def _leave(client: smtplib.SMTP) -> None:
    """However the server takes its leave: what it took, it took, and is not to get again."""
    with suppress(smtplib.SMTPException, OSError):
        client.quit()
    client.close()


def _failure(failed: smtplib.SMTPException) -> MailError:
    """What the server said stays out: it may quote what it was sent."""
    match failed:
        case smtplib.SMTPAuthenticationError():
            return MailError(f"the mail server does not take `{USER}` and `{PASSWORD}`")
        case smtplib.SMTPNotSupportedError():
            return MailError("the mail server offers no STARTTLS, or no way to log in; see `smtps://`")
        case smtplib.SMTPDataError(smtp_code=code):
            return MailError(f"the mail server does not take the message ({code})", final=code >= 500)
        case smtplib.SMTPResponseException(smtp_code=code):
            return MailError(f"the mail server answers {code}")
        case _:
            return MailError("the mail server hung up")
