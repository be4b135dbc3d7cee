"""What is written to whoever decides about an escalation: facts, and never what is held."""

from __future__ import annotations

import re
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from keeptrusts.api.escalations import Escalation

LONGEST: Final = 300
LONGEST_ADDRESS: Final = 254
_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
_FACTS: Final = (
    ("policy", "Policy"),
    ("reason_code", "Reason"),
    ("message", "Message"),
    ("stage", "Withheld"),
    ("model", "Model"),
    ("user_id", "User"),
    ("agent_id", "Agent"),
    ("gateway_id", "Gateway"),
    ("configuration_id", "Configuration"),
    ("event_id", "Event"),
    ("due_at", "Decide before"),
)


def is_address(text: str | None) -> bool:
    """Whether it is one plain address, which can stand in a header and in a command of SMTP as it is."""
    return text is not None and len(text) <= LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


def write_letter(escalation: Escalation, *, letter_id: str, sender: str, recipient: str, at: datetime) -> EmailMessage:
    """
    The whole message. Nothing that a caller or a document chose is in a header.

    Args:
        letter_id: The same over all attempts, so that a second copy can be known as one.
        recipient: An address, as of `is_address`.
    """
    identifier = escalation["id"]
    message = EmailMessage()
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = f"Decision needed: {identifier}"
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{letter_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    facts = [f"{label}: {_plain(value)}" for name, label in _FACTS if (value := escalation.get(name)) is not None]
    message.set_content("\n".join([
        "Something was withheld until a person decides, and you are named to decide.",
        "",
        *facts,
        "",
        "What is held is not in this message. To see it and to decide:",
        "",
        f"  kt escalation show {identifier} --held",
        f"  kt escalation claim {identifier}",
        f"  kt escalation resolve {identifier} --outcome approved --reason WHY",
        "",
        "Nobody deciding in time counts as a denial.",
    ]) + "\n")  # fmt: skip
    return message


def _plain(value: object) -> str:
    """On one line, without what a terminal or a reader of mail would act on."""
    text = "".join(sign if sign.isprintable() else " " for sign in str(value))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
