"""
The same `Idempotency-Key` with the same body gives the same answer for 24 h; with another body, 409.

The row is written first and in the route's own transaction: of two such requests at the same time the second waits for
the first and then finds its answer. An answer may hold a new secret (a key is shown once), so it is sealed under what
only the caller knows: its token and the idempotency key, of which the database has nothing but hashes.
"""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import delete, select, update

from keeptrusts.control.problem import ProblemError
from keeptrusts.control.sessions import COOKIE
from keeptrusts.store.sealing import SealedError, Sealer
from keeptrusts.store.tables import idempotency
from keeptrusts.store.transaction import Store, Tx, insert_unless_there

KEPT_FOR: Final = timedelta(hours=24)
LONGEST_KEY: Final = 255


class Replay:
    """One request that may come again."""

    def __init__(self, request: Request, tx: Tx, key: str) -> None:
        actor = request.state.actor
        body_hash = hashlib.sha256(request.state.body).hexdigest()
        whole = f"{request.method} {request.url.path}?{request.url.query} {body_hash}"
        self._tx = tx
        self._actor = actor.key_id
        self._org = actor.org
        self._key_hash = hashlib.sha256(key.encode()).hexdigest()
        self._request_hash = hashlib.sha256(whole.encode()).hexdigest()
        _, _, token = request.headers.get("authorization", "").partition(" ")
        mine = f"Bearer {token.strip()}" if token else request.cookies[COOKIE]
        self._sealer = Sealer(f"{key}\x00{mine}".encode())
        self._status = request.scope["route"].status_code or 200

    @classmethod
    def of(cls, request: Request, tx: Tx) -> Replay | None:
        """None when the request has no key."""
        key = request.headers.get("idempotency-key")
        if key is None:
            return None
        if not 1 <= len(key) <= LONGEST_KEY:
            raise ProblemError(422, "invalid_input", f"an `Idempotency-Key` has 1 to {LONGEST_KEY} characters")
        return cls(request, tx, key)

    def earlier(self) -> Response | None:
        """
        The answer that was given before; None: this is the first time, and the place is taken.

        Raises:
            ProblemError: 409, the key was used for another request, or in another session, which alone opens that.
        """
        place = insert_unless_there(self._tx.connection, idempotency).values(
            org=self._org,
            actor=self._actor,
            key_hash=self._key_hash,
            request_hash=self._request_hash,
            created_at=self._tx.now,
        )
        self._tx.connection.execute(
            delete(idempotency).where(*self._mine(), idempotency.c.created_at < self._tx.now - KEPT_FOR)
        )
        if self._tx.connection.execute(place.returning(idempotency.c.actor)).first() is not None:
            return None
        row = self._tx.connection.execute(select(idempotency).where(*self._mine())).mappings().one()
        if row["request_hash"] != self._request_hash:
            raise ProblemError(
                409, "idempotency_key_reused", "this `Idempotency-Key` was used for another request; use a new one"
            )
        try:
            told = json.loads(self._sealer.open(row["answer"], self._key_hash))
        except SealedError:
            raise ProblemError(
                409, "idempotency_key_reused", "this `Idempotency-Key` was used in another session of the key; the "
                "request was done then, so look for what it made before you use a new one"
            ) from None  # fmt: skip
        return JSONResponse(told["content"], told["status"], {**told["headers"], "Idempotency-Replayed": "true"})

    def keep(self, content: Any, response: Response | None) -> None:
        """Keep the answer for those who ask again."""
        headers = {name: response.headers[name] for name in ("etag", "location") if name in response.headers} \
            if response is not None else {}  # fmt: skip
        status = (response.status_code if response is not None else None) or self._status
        told = json.dumps({"status": status, "content": content, "headers": headers})
        statement = update(idempotency).where(*self._mine())
        self._tx.connection.execute(statement.values(answer=self._sealer.seal(told.encode(), self._key_hash)))

    def _mine(self) -> tuple[Any, ...]:
        return (idempotency.c.actor == self._actor, idempotency.c.key_hash == self._key_hash)


def sweep(store: Store) -> None:
    """Forget the answers that are past their time."""
    with store.write() as tx:
        tx.connection.execute(delete(idempotency).where(idempotency.c.created_at < tx.now - KEPT_FOR))
