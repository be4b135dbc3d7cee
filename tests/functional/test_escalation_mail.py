"""Who is to decide about an escalation gets an e-mail: over real SMTP, and with nobody else's words in it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from keeptrusts.control.letters import is_address
from keeptrusts.control.mailing import Postman
from keeptrusts.control.settings import Settings
from keeptrusts.control.smtp import MailError, MailServer, try_out
from keeptrusts.core.errors import InputError
from keeptrusts.store.review_tables import letters
from keeptrusts.store.work_tables import jobs
from support.control import Plane, plane
from support.escalations import draft, opened, token_of
from support.mailbox import PASSWORD, USER, Mailbox, mailbox
from support.webhooks import Clock

SENDER = "keeptrusts@example.com"


def plain(box: Mailbox) -> MailServer:
    return MailServer.read(f"smtp+plain://127.0.0.1:{box.port}", SENDER, {})


@pytest.fixture
def box() -> Iterator[Mailbox]:
    """One that takes everything."""
    with mailbox() as made:
        yield made


@pytest.fixture
def mailing(settings: Settings, box: Mailbox) -> Iterator[Plane]:
    """A control plane that knows the mail server, and sends when a test says so."""
    with plane(replace(settings, mail_server=plain(box)), background=()) as running:
        yield running


def deliver(mailing: Plane, clock: Clock | None = None) -> None:
    """Everything that is due."""
    server = mailing.services.settings.mail_server
    assert server is not None
    postman = Postman(mailing.services, server, clock=clock or Clock(), chance=lambda: 0.5)
    asyncio.run(postman.crew.settle())


def waiting(mailing: Plane) -> int:
    with mailing.services.store.read() as tx:
        found = tx.connection.execute(select(letters.c.id)).scalars().all()
        assert set(found) == set(tx.connection.execute(select(jobs.c.id).where(jobs.c.queue == "letters")).scalars())
    return len(found)


def actions(mailing: Plane) -> list[str]:
    return [entry["action"] for entry in mailing.admin.get("/v1/audit-log").json()["data"]]


def test_the_assignee_is_told_once(mailing: Plane, box: Mailbox) -> None:
    """Facts and what to type, without what is held; the same escalation again is no second letter."""
    gateway = token_of(mailing)
    body = draft()
    for _ in range(2):
        gateway.made("/v1/gateway/escalations", body)
    deliver(mailing)
    deliver(mailing)
    (letter,) = box.letters
    assert (letter["From"], letter["To"], box.recipients) == (
        SENDER,
        "oversight@example.com",
        ["oversight@example.com"],
    )
    assert letter["Subject"] == f"Decision needed: {body['id']}"
    assert letter["Auto-Submitted"] == "auto-generated"
    text = letter.get_content()
    assert f"kt escalation show {body['id']} --held" in text
    assert "Model: gpt-4o" in text
    assert "DE89" not in str(letter)
    assert waiting(mailing) == 0


def test_what_was_taken_is_not_sent_again(mailing: Plane, box: Mailbox) -> None:
    """However the mail server takes its leave."""
    box.farewell = "421 too many conversations"
    token_of(mailing).made("/v1/gateway/escalations", draft())
    deliver(mailing)
    assert (len(box.letters), waiting(mailing)) == (1, 0)


@pytest.mark.parametrize(
    "assignee", [None, "team:risk", "user:ada", "a@b\r\nBcc: x@y.example", "a@b.example, c@d.example"]
)
def test_who_is_no_address_gets_none(mailing: Plane, assignee: str | None) -> None:
    """Names of people and teams are for whoever reads the list; what is no plain address is never sent to."""
    opened(mailing, token_of(mailing), assignee=assignee)
    assert waiting(mailing) == 0


def test_nobody_else_writes_in_a_letter(mailing: Plane, box: Mailbox) -> None:
    """Line ends and control characters of a document or a caller make no header, no line and no second message."""
    evil = "x\r\n.\r\nMAIL FROM:<a@b.example>\r\nBcc: victim@example.com\x1b[2J\u2028y"
    opened(mailing, token_of(mailing), message=evil, user_id=evil, model=evil[:100])
    deliver(mailing)
    (letter,) = box.letters
    assert letter["Bcc"] is None
    assert box.recipients == ["oversight@example.com"]
    lines = letter.get_content().splitlines()
    assert not [line for line in lines if line.startswith((".", "MAIL", "Bcc")) or not line.isprintable()]


def test_a_server_that_is_busy_is_asked_again(mailing: Plane, box: Mailbox) -> None:
    """After five seconds, under the same `Message-ID`; 5xx is the end, and stands in the audit log."""
    clock = Clock()
    box.replies = ["451 later", "250 OK", "550 nobody here"]
    opened(mailing, token_of(mailing))
    deliver(mailing, clock)
    assert (len(box.letters), waiting(mailing)) == (0, 1)
    deliver(mailing, clock)
    assert waiting(mailing) == 1
    clock.pass_time(seconds=6)
    deliver(mailing, clock)
    assert (len(box.letters), waiting(mailing)) == (1, 0)
    assert str(box.letters[0]["Message-ID"]).startswith("<ltr_")
    opened(mailing, token_of(mailing, "other"))
    deliver(mailing, clock)
    assert (len(box.letters), waiting(mailing)) == (1, 0)
    assert actions(mailing).count("escalation.mail_failed") == 1


def test_nobody_is_told_of_what_is_decided(mailing: Plane, box: Mailbox) -> None:
    """Somebody claimed it meanwhile, or its time is over: the letter is not sent any more."""
    gateway = token_of(mailing)
    claimed, late = opened(mailing, gateway), opened(mailing, gateway, timeout_seconds=60)
    mailing.admin.made(f"/v1/escalations/{claimed}/claim", {})
    clock = Clock()
    clock.pass_time(minutes=2)
    deliver(mailing, clock)
    assert (box.letters, waiting(mailing)) == ([], 0)
    assert late != claimed


def test_a_server_that_is_away(mailing: Plane, caplog: pytest.LogCaptureFixture) -> None:
    """The letter waits; the log says why, and not to whom."""
    object.__setattr__(
        mailing.services.settings, "mail_server", MailServer.read("smtp+plain://127.0.0.1:1", SENDER, {})
    )
    opened(mailing, token_of(mailing))
    with caplog.at_level(logging.WARNING, "keeptrusts.control"):
        deliver(mailing)
    assert waiting(mailing) == 1
    (told,) = [one.__dict__["fields"] for one in caplog.records if one.message == "an e-mail was not sent"]
    assert "no connection" in told["reason"]
    assert "oversight@example.com" not in repr(told)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_tls_and_a_log_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """STARTTLS or TLS, and always the certificate; a wrong password and a wrong name are told apart."""
    known = {"KEEPTRUSTS_SMTP_USER": USER, "KEEPTRUSTS_SMTP_PASSWORD": PASSWORD}
    with mailbox(tmp_path, starttls=scheme == "smtp") as secure:
        server = MailServer.read(f"{scheme}://localhost:{secure.port}", SENDER, known)
        with pytest.raises(MailError, match="certificate"):
            try_out(server)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        try_out(server)
        with pytest.raises(MailError, match="certificate"):
            try_out(replace(server, host="127.0.0.1"))
        with pytest.raises(MailError, match="does not take") as refused:
            try_out(replace(server, password="wrong"))
        assert PASSWORD not in repr(server) + str(refused.value)


def test_no_password_without_tls(box: Mailbox) -> None:
    """A server that offers no STARTTLS gets nothing, and a URL that would send a password in the clear is refused."""
    with pytest.raises(MailError, match="STARTTLS"):
        try_out(MailServer.read(f"smtp://127.0.0.1:{box.port}", SENDER, {}))
    for url, sender, known in (
        ("smtp+plain://h", SENDER, {"KEEPTRUSTS_SMTP_USER": "u", "KEEPTRUSTS_SMTP_PASSWORD": "p"}),
        ("smtp://h", SENDER, {"KEEPTRUSTS_SMTP_USER": "u"}),
        ("smtp://u:p@h", SENDER, {}),
        ("http://h", SENDER, {}),
        ("smtp://h", None, {}),
        ("smtp://h", "a@b\nBcc: c@d", {}),
    ):
        with pytest.raises(InputError):
            MailServer.read(url, sender, known)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("ada@example.com", True), ("ada+x@mail.example.co", True), ("ada@localhost", True), ("ada@", False),
     ("@example.com", False), ("a b@example.com", False), ("ada@example.com\n", False), ("<ada@example.com>", False),
     ("ada@example..com", False), ("adä@example.com", False), ("a" * 250 + "@b.co", False)],
)  # fmt: skip
def test_what_an_address_is(text: str, is_one: bool) -> None:
    """One plain address and nothing around it."""
    assert is_address(text) is is_one
