"""A mail server on loopback: real SMTP, with TLS and a log-in where a test wants them, that refuses at will."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from support.certificates import certificate

USER, PASSWORD = "postman", "a password of the mail server"


@dataclass
class Mailbox:
    """
    What came, and how the next recipients are answered; when nothing is said, 250.

    Args:
        replies: To `RCPT TO`, in turn.
        farewell: To `QUIT`.
        secured: Whether each conversation in which a letter came was over TLS, and logged in.
    """

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    farewell: str = "221 Bye"
    secured: list[tuple[bool, bool]] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802  the library's names
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        reply = self.replies.pop(0) if self.replies else "250 OK"
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        return self.farewell

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        letter = message_from_bytes(content, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        self.recipients += envelope.rcpt_tos
        self.secured.append((session.ssl is not None, bool(session.authenticated)))
        return "250 taken"


@contextmanager
def mailbox(folder: Path | None = None, *, starttls: bool = True) -> Iterator[Mailbox]:
    """
    One on a free port.

    Args:
        folder: Where its certificate for `localhost` is written; with one, it wants TLS and a log-in.
        starttls: False: TLS from the first byte.
    """
    box = Mailbox()
    context = None if folder is None else _context(folder)
    ready, loop = threading.Event(), asyncio.new_event_loop()

    settings: dict[str, Any] = {"hostname": "mail.test", "loop": loop, "enable_SMTPUTF8": False}
    if context is not None:
        # the library warns of a log-in that it takes for one in the clear
        own = {"tls_context": context, "require_starttls": True, "auth_required": True}
        settings |= {"authenticator": _known} | (own if starttls else {"auth_require_tls": False})

    async def serve() -> None:
        outer = None if starttls else context
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(box, **settings), "127.0.0.1", 0, ssl=outer
        )
        box.port = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            await stopped.wait()

    stopped = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait(20)
    try:
        yield box
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(20)
        loop.close()


def _context(folder: Path) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(*certificate(folder, "localhost"))
    return made


def _known(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any) -> AuthResult:
    is_right = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=False)
