"""
Who is signed in to the console: a sealed cookie that names a key.

It holds no secret of the key and gives no more than the key does: whoever revokes the key ends its sessions. The
browser keeps it from scripts and from requests that other sites cause (`HttpOnly`, `SameSite=Strict`); what changes
something must also carry the session's token in a header, which another site cannot know.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from keeptrusts.store.sealing import SealedError, Sealer

COOKIE: Final = "kt_session"
TOKEN_HEADER: Final = "x-csrf-token"  # noqa: S105  the name of a header
LASTS: Final = timedelta(hours=12)
_CONTEXT: Final = "console session"


@dataclass(frozen=True, slots=True)
class Session:
    """`token` is what the header of a change must hold."""

    key_id: str
    token: str
    ends_at: datetime

    def fits(self, token: str | None) -> bool:
        """Whether this is its token; takes as long either way."""
        return hmac.compare_digest(self.token.encode(), (token or "").encode())


def begin(key_id: str, now: datetime) -> Session:
    """A new one."""
    return Session(key_id, secrets.token_urlsafe(32), now + LASTS)


def seal(session: Session, sealer: Sealer) -> str:
    """The value of its cookie."""
    said = json.dumps([session.key_id, session.token, session.ends_at.timestamp()])
    return base64.urlsafe_b64encode(sealer.seal(said.encode(), _CONTEXT)).decode()


def unseal(cookie: str, sealer: Sealer, now: datetime) -> Session | None:
    """The session of a cookie; None: it is not one of ours, or has ended."""
    try:
        said = json.loads(sealer.open(base64.b64decode(cookie, altchars=b"-_", validate=True), _CONTEXT))
    except (binascii.Error, ValueError, SealedError):
        return None
    session = Session(said[0], said[1], datetime.fromtimestamp(said[2], UTC))
    return session if session.ends_at > now else None
