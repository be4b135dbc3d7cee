"""
Takes a batch of events in: reads each strictly, checks its hash, stores what is good and keeps the rest aside.

One poison event never holds up its batch: its bytes go to quarantine with the reason, and the answer tells the
gateway not to send it again. Nothing is acknowledged before the commit.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
import re2
from sqlalchemy import insert

from keeptrusts.api.limits import MAX_BODY_BYTES, MAX_EVENTS_IN_BATCH
from keeptrusts.api.runtime import EventReceipt, RejectedEvent
from keeptrusts.control.auth import Actor
from keeptrusts.control.metrics import BREAKS
from keeptrusts.control.problem import ProblemError
from keeptrusts.core.canonical import canonical_json
from keeptrusts.core.ids import EVENT, is_id
from keeptrusts.store.chains import ChainLink, Chains
from keeptrusts.store.events import Events, NewEvent
from keeptrusts.store.tables import quarantine
from keeptrusts.store.transaction import Store, Tx, new_id
from keeptrusts.store.webhooks import wanted_types
from keeptrusts.trail.chain import event_hash

QUARANTINED: Final = "qua"
LONGEST_COLUMN: Final = 200
_BYTES = re2.Options()
_BYTES.encoding = re2.Options.Encoding.LATIN1
_SPECIAL = re2.compile(
    rb'(?:":|[,\[])(?:-?(?:[0-9.]*[eE]|[0-9]+\.[0-9]*0[,}\]]|[0-9.]{16}|0\.0)|-0)|\\|[\xf0-\xff]', _BYTES
)
"""
Numbers and escapes that can be written in several ways, and letters that UTF-16 sorts elsewhere.

The number of a member stands behind `":`, since a blank would show in the comparison. A colon alone is in digests and
times, too, and one digest in six goes on like a number with an exponent.
"""
_HASH = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    events: list[msgspec.Raw]


class _Policy(msgspec.Struct):
    kind: str
    verdict: str
    mode: str = "enforce"

    @property
    def acted(self) -> bool:
        """It did not simply allow; what it would have done in shadow is not done."""
        return self.mode != "shadow" and self.verdict not in {"allowed", "skipped"}


class _Record(msgspec.Struct):
    """What every record must have; unknown members pass: a newer gateway may say more."""

    id: str
    event_type: Literal["decision", "gap"]
    timestamp: str
    instance_id: str
    sequence: int
    prev_hash: str | None
    hash: str
    verdict: Literal["allowed", "redacted", "escalated", "blocked", "failed"] | None = None
    reason_code: str | None = None
    reason: str | None = None
    from_sequence: int | None = None
    to_sequence: int | None = None
    gateway_id: str | None = None
    configuration_id: str | None = None
    model: str | None = None
    provider: str | None = None
    user_id: str | None = None
    agent_id: str | None = None
    request_id: str | None = None
    escalation_id: str | None = None
    policies: list[_Policy] = []


_read_batch = msgspec.json.Decoder(_Batch).decode
_read_record = msgspec.json.Decoder(_Record).decode


@dataclass(frozen=True, slots=True)
class _Good:
    event: NewEvent
    link: ChainLink
    told: dict[str, Any]


class _PoisonError(Exception):
    """It will never be an event; the argument is the code."""


def read_batch(body: bytes, encoding: str | None) -> Sequence[bytes]:
    """
    The JSON text of each event.

    Raises:
        ProblemError: 400, 413, 415 or 422; nothing of the batch was taken.
    """
    try:
        found = _read_batch(_plain(body, encoding)).events
    except msgspec.ValidationError:
        raise ProblemError(422, "invalid_input", "the body must be an object with one member, `events`") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ProblemError(400, "malformed_json", "the body is not JSON, or nested too deeply") from None
    if len(found) > MAX_EVENTS_IN_BATCH:
        raise ProblemError(422, "too_many_events", f"a batch may have {MAX_EVENTS_IN_BATCH} events; send fewer")
    return [bytes(raw) for raw in found]


def take_in(tx: Tx, actor: Actor, raw_events: Sequence[bytes], store: Store) -> EventReceipt:
    """
    Store a batch. Events that were there already, or twice in the batch, are `duplicates`.

    Args:
        tx: Of the database of the events; `store` knows what webhooks want.
    """
    good: dict[str, _Good] = {}
    duplicates: list[str] = []
    rejected: list[RejectedEvent] = []
    for index, raw in enumerate(raw_events):
        try:
            one = _read(raw, actor)
        except _PoisonError as poison:
            code = str(poison)
            _set_aside(tx, actor, raw, code)
            rejected.append({"index": index, "id": _id_of(raw), "code": code})
            continue
        if one.event.id in good:
            duplicates.append(one.event.id)
        good.setdefault(one.event.id, one)
    stored = Events(tx.connection, actor.org).append([one.event for one in good.values()], at=tx.now)
    fresh = [one for identifier, one in good.items() if identifier in stored]
    broken = Chains(tx.connection, actor.org).extend([one.link for one in fresh], at=tx.now)
    if broken:
        tx.after_commit(lambda: BREAKS.inc(len(broken)))
    with store.beside(tx) as main:
        wanted = _wanted(main, actor.org, fresh)
    tx.publish_all(actor.org, wanted)
    duplicates += [identifier for identifier in good if identifier not in stored]
    return {"accepted": [one.event.id for one in fresh], "duplicates": duplicates, "rejected": rejected}


def _wanted(tx: Tx, org: str, fresh: Sequence[_Good]) -> list[tuple[str, dict[str, Any]]]:
    """Only what a webhook wants is put into the outbox: most events are nobody's news."""
    told = list(_messages(fresh))
    wanted = wanted_types(tx.connection, org, {kind for kind, _ in told})
    return [(kind, data) for kind, data in told if kind in wanted]


def _messages(fresh: Sequence[_Good]) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in fresh:
        if one.event.event_type == "decision":
            yield f"event.{one.event.verdict}", one.told


def _plain(body: bytes, encoding: str | None) -> bytes:
    if encoding in {None, "", "identity"}:
        return body
    if encoding != "gzip":
        raise ProblemError(415, "unsupported_encoding", "`Content-Encoding` may be `gzip` or absent")
    unpack = zlib.decompressobj(wbits=31)
    try:
        plain = unpack.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error:
        raise ProblemError(400, "malformed_gzip", "the body is not gzip") from None
    if len(plain) > MAX_BODY_BYTES:
        raise ProblemError(413, "body_too_large", f"a body may have {MAX_BODY_BYTES} bytes when unpacked; send less")
    if not unpack.eof:
        raise ProblemError(400, "malformed_gzip", "the gzip body ended early")
    return plain


def _read(raw: bytes, actor: Actor) -> _Good:
    try:
        record = _read_record(raw)
        _check(record)
        body = _intact(raw, record.hash).decode()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise _PoisonError("invalid_event") from None
    if actor.gateway_id is not None and record.gateway_id not in {None, actor.gateway_id}:
        raise _PoisonError("foreign_gateway")  # a gateway token is good for its own gateway only
    acted = tuple(one.kind for one in record.policies if one.acted)
    event = NewEvent(
        id=record.id,
        event_type=record.event_type,
        verdict=record.verdict or "",
        reason_code=_column(record.reason_code or record.reason) or "",
        gateway_id=_column(record.gateway_id or actor.gateway_id),
        instance_id=record.instance_id,
        sequence=record.sequence,
        configuration_id=_column(record.configuration_id),
        model=_column(record.model),
        provider=_column(record.provider),
        user_id=_column(record.user_id),
        agent_id=_column(record.agent_id),
        request_id=_column(record.request_id),
        acted=tuple(dict.fromkeys(kind.replace("\x00", "") for kind in acted)),
        body=body,
    )
    return _Good(event, _link(record), _told(record, event))


def _check(record: _Record) -> None:
    """What the types do not say."""
    fits = (
        is_id(record.id, EVENT)
        and _HASH.fullmatch(record.hash)
        and 1 <= record.sequence < 2**53
        and 0 < len(record.instance_id) <= LONGEST_COLUMN
        and "\x00" not in record.instance_id
    )
    decided = record.event_type == "gap" or (record.verdict is not None and record.reason_code is not None)
    if not (fits and decided):
        raise _PoisonError("invalid_event")
    if record.prev_hash is not None and not _HASH.fullmatch(record.prev_hash):
        raise _PoisonError("invalid_event")


def _intact(raw: bytes, stated: str) -> bytes:
    """The canonical JSON text whose hash is the stated one; gateways send that very text, so it is seldom made anew."""
    event = msgspec.json.decode(raw)
    member = b'"hash":"%b",' % stated.encode()
    without = raw.replace(member, b"", 1)
    as_sent = "sha256:" + hashlib.sha256(without).hexdigest() == stated and b'"received_at"' not in raw
    if as_sent and is_canonical(raw, event):
        return raw
    try:
        event.pop("received_at", None)
        if event_hash(event) == stated:
            return canonical_json(event)
    except (ValueError, TypeError):
        pass  # it has no canonical form: it is not what was hashed
    raise _PoisonError("not_canonical" if as_sent else "hash_mismatch")


def is_canonical(raw: bytes, event: Any) -> bool:
    """Whether this is the one text of this event; another that was hashed as it stands could be verified by nobody."""
    if _SPECIAL.search(raw) is None and msgspec.json.encode(event, order="sorted") == raw:
        return True  # order and blanks were all that could differ, and that is told without walking through the event
    try:
        return canonical_json(event) == raw
    except (ValueError, TypeError):
        return False


def _link(record: _Record) -> ChainLink:
    admits = None
    if record.event_type == "gap" and record.from_sequence is not None and record.to_sequence is not None:
        admits = (record.from_sequence, record.to_sequence)
    return ChainLink(record.id, record.instance_id, record.sequence, record.prev_hash, record.hash, admits)


def _told(record: _Record, event: NewEvent) -> dict[str, Any]:
    """What webhooks learn of it: never its content."""
    return {
        "id": record.id,
        "timestamp": record.timestamp[:40].replace("\x00", ""),
        "verdict": event.verdict,
        "reason_code": event.reason_code,
        "policies": list(event.acted),
        "gateway_id": event.gateway_id,
        "instance_id": event.instance_id,
        "configuration_id": event.configuration_id,
        "request_id": event.request_id,
        "escalation_id": _column(record.escalation_id),
        "model": event.model,
        "provider": event.provider,
        "user_id": event.user_id,
        "agent_id": event.agent_id,
    }


def _column(value: str | None) -> str | None:
    """Short enough for an index, and storable; the body keeps the whole."""
    return None if value is None else value[:LONGEST_COLUMN].replace("\x00", "")


def _set_aside(tx: Tx, actor: Actor, raw: bytes, code: str) -> None:
    row = {
        "id": new_id(QUARANTINED),
        "org": actor.org,
        "received_at": tx.now,
        "key_id": actor.key_id,
        "code": code,
        "raw": raw,
    }
    tx.connection.execute(insert(quarantine).values(row))


def _id_of(raw: bytes) -> str | None:
    """Its id when it has one that is safe to repeat."""
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    identifier = found.get("id") if isinstance(found, dict) else None
    return identifier if isinstance(identifier, str) and is_id(identifier, EVENT) else None
