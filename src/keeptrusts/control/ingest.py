"""
Takes a batch of events in: reads each strictly, checks its hash, stores what is good and keeps the rest aside.

One poison event never holds up its batch: its bytes go to quarantine with the reason, and the answer tells the
gateway not to send it again. Nothing is acknowledged before the commit.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from sqlalchemy import insert

from keeptrusts.api.event_types import wants
from keeptrusts.api.limits import MAX_BODY_BYTES, MAX_EVENTS_IN_BATCH
from keeptrusts.api.runtime import EventReceipt, RejectedEvent
from keeptrusts.control.budgets import spent_budgets
from keeptrusts.control.event_records import PoisonError, Record, acted, read_record, safe_id
from keeptrusts.control.metrics import BREAKS
from keeptrusts.control.problem import ProblemError
from keeptrusts.store import intake
from keeptrusts.store.appending import NewEvent, acted_text
from keeptrusts.store.chains import ChainBreak, Chains
from keeptrusts.store.content_keys import ContentKeys, lock
from keeptrusts.store.errors import RepeatedEventError
from keeptrusts.store.events import Events
from keeptrusts.store.sealing import Sealer
from keeptrusts.store.tables import quarantine
from keeptrusts.store.transaction import Store, Tx, new_id
from keeptrusts.store.webhooks import wanted_types

if TYPE_CHECKING:
    from keeptrusts.control.auth import Actor  # it finds callers in the services, of which this is one

QUARANTINED: Final = "qua"


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    events: list[msgspec.Raw]


_read_batch = msgspec.json.Decoder(_Batch).decode


class _Good(NamedTuple):
    record: Record
    event: NewEvent
    key: bytes | None
    """Of its content, sealed."""


@dataclass(frozen=True, slots=True)
class Batch:
    """
    What came, before anything is stored.

    Args:
        good: By id.
        repeated: Ids that were in the batch more than once.
        rejected: With the bytes of each.
    """

    good: dict[str, _Good]
    repeated: list[str]
    rejected: list[tuple[RejectedEvent, bytes]]


class Part(NamedTuple):
    """A batch, and whose it is."""

    actor: Actor
    batch: Batch


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


def read_events(raw_events: Sequence[bytes], actor: Actor, sealer: Sealer) -> Batch:
    """Each event read, its hash checked, and its content encrypted."""
    batch = Batch({}, [], [])
    for index, raw in enumerate(raw_events):
        try:
            one = _read(raw, actor, sealer)
        except PoisonError as poison:
            batch.rejected.append(({"index": index, "id": safe_id(raw), "code": str(poison)}, raw))
            continue
        if one.event.id in batch.good:
            batch.repeated.append(one.event.id)
        batch.good.setdefault(one.event.id, one)
    return batch


def take_in(store: Store, org: str, parts: Sequence[Part], told: Callable[[], None]) -> list[EventReceipt]:
    """
    Store batches of one organisation in one transaction; what each is to be answered.

    Args:
        told: Called once they are durable.

    Raises:
        StoreUnavailableError: Nothing was stored.
    """
    try:
        return _take_in(store, org, parts, told)
    except RepeatedEventError:
        # a sequence that is new with an id that is not: rare enough to do it all again
        return _take_in_looking(store, org, parts, told)


def _take_in(store: Store, org: str, parts: Sequence[Part], told: Callable[[], None]) -> list[EventReceipt]:
    """
    On the assumption that what goes on where its chain ends is new, and needs no looking for.

    Chains are held first and new events are stored last, each with one round trip to the database.
    """
    with store.events.write() as tx:
        good = _gathered(tx, parts)
        if not good:
            return _receipts(parts, good)
        links = [one.record for one in good]
        begun = intake.begin(tx.connection, org, links, at=tx.now, webhooks=not store.apart)
        doubtful = [one for one in good if one.record.sequence <= begun.ends.sequence(one.record.instance_id)]
        there, looked_for = _looked_for(tx, org, doubtful)
        fresh = [one for one in good if one.event.id not in there] if there else good
        links = [one.record for one in fresh] if there else links
        _note_breaks(tx, Chains(tx.connection, org).follow(begun.ends, links, at=tx.now))
        _keep_keys(tx, org, fresh)
        _tell(store, tx, org, fresh, told, patterns=None if store.apart else begun.patterns)
        new = [one.event for one in good if one.event.id not in looked_for]
        intake.end(tx.connection, org, new, at=tx.now, xid=begun.ends.xid)
    return _receipts(parts, fresh)


def _take_in_looking(store: Store, org: str, parts: Sequence[Part], told: Callable[[], None]) -> list[EventReceipt]:
    """Each event is looked for before it is taken for new."""
    with store.events.write() as tx:
        good = _gathered(tx, parts)
        chains = Chains(tx.connection, org)
        ends = chains.hold({one.event.instance_id for one in good}, at=tx.now)
        stored = Events(tx.connection, org).append([one.event for one in good], at=tx.now)
        fresh = [one for one in good if one.event.id in stored]
        _note_breaks(tx, chains.extend(ends, [one.record for one in fresh], at=tx.now))
        _keep_keys(tx, org, fresh)
        _tell(store, tx, org, fresh, told, patterns=None)
    return _receipts(parts, fresh)


def _gathered(tx: Tx, parts: Sequence[Part]) -> list[_Good]:
    """The good of all parts, each once; the rest is set aside."""
    good: dict[str, _Good] = {}
    for actor, batch in parts:
        for rejected, raw in batch.rejected:
            _set_aside(tx, actor, raw, rejected["code"])
        for identifier, one in batch.good.items():
            good.setdefault(identifier, one)
    return list(good.values())


def _looked_for(tx: Tx, org: str, doubtful: Sequence[_Good]) -> tuple[set[str], set[str]]:
    """Store what is not there of these; the ids that were there, and the ids of all of them."""
    if not doubtful:
        return set(), set()
    events = [one.event for one in doubtful]
    every = {one.id for one in events}
    return every - Events(tx.connection, org).append(events, at=tx.now), every


def _keep_keys(tx: Tx, org: str, fresh: Sequence[_Good]) -> None:
    keys = {one.event.id: one.key for one in fresh if one.key is not None}
    if keys:
        ContentKeys(tx.connection, org).keep(keys)


def _note_breaks(tx: Tx, broken: Sequence[ChainBreak]) -> None:
    if broken:
        tx.after_commit(lambda: BREAKS.inc(len(broken)))


def _tell(
    store: Store, tx: Tx, org: str, fresh: Sequence[_Good], told: Callable[[], None], *,
    patterns: Collection[str] | None,
) -> None:  # fmt: skip
    """Who wants to know, once they are durable."""
    with store.beside(tx) as main:
        wanted = _wanted(main, org, fresh, patterns)
        wanted += spent_budgets(tx, main, org, [one.event for one in fresh])
    tx.publish_all(org, wanted)
    tx.after_commit(told)


def _receipts(parts: Sequence[Part], fresh: Sequence[_Good]) -> list[EventReceipt]:
    left = {one.event.id for one in fresh}
    return [_receipt(batch, left) for _, batch in parts]


def _receipt(batch: Batch, left: set[str]) -> EventReceipt:
    """`left`: ids that were stored and that no other batch has been told of."""
    accepted = [one for one in batch.good if one in left]
    left.difference_update(accepted)
    there = batch.good.keys() - accepted
    return {
        "accepted": accepted,
        "duplicates": batch.repeated + [one for one in batch.good if one in there],
        "rejected": [rejected for rejected, _ in batch.rejected],
    }


def _wanted(
    tx: Tx, org: str, fresh: Sequence[_Good], patterns: Collection[str] | None
) -> list[tuple[str, dict[str, Any]]]:
    """
    Only what a webhook wants is put into the outbox: most events are nobody's news.

    Args:
        patterns: Of active webhooks; None: they are to be asked for.
    """
    kinds = {f"event.{one.event.verdict}" for one in fresh if one.event.event_type == "decision"}
    if patterns is None:
        wanted = wanted_types(tx.connection, org, kinds) if kinds else frozenset()
    else:
        wanted = frozenset(one for one in kinds if wants(patterns, one)) if patterns else frozenset()
    return list(_messages(fresh, wanted)) if wanted else []


def _messages(fresh: Sequence[_Good], wanted: frozenset[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in fresh:
        kind = f"event.{one.event.verdict}"
        if one.event.event_type == "decision" and kind in wanted:
            yield kind, _told(one)


def _plain(body: bytes, encoding: str | None) -> bytes:
    coding = (encoding or "identity").strip().lower()
    if coding == "identity":
        return body
    if coding not in {"gzip", "x-gzip"}:
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


def _read(raw: bytes, actor: Actor, sealer: Sealer) -> _Good:
    record, body, content = read_record(raw)
    if actor.gateway_id is not None and record.gateway_id not in {None, actor.gateway_id}:
        raise PoisonError("foreign_gateway")  # a gateway token is good for its own gateway only
    locked = None if content is None else lock(content, actor.org, record.id, sealer)
    event = NewEvent(
        id=record.id,
        event_type=record.event_type,
        verdict=record.verdict or "",
        reason_code=record.why,
        gateway_id=record.gateway_id or actor.gateway_id,
        instance_id=record.instance_id,
        sequence=record.sequence,
        configuration_id=record.configuration_id,
        model=record.model,
        provider=record.provider,
        user_id=record.user_id,
        agent_id=record.agent_id,
        request_id=record.request_id,
        acted=acted_text(kinds) if (kinds := acted(record)) else "|",
        body=body,
        content=locked.content if locked else None,
    )
    return _Good(record, event, locked.key if locked else None)


def _told(one: _Good) -> dict[str, Any]:
    """What webhooks learn of it: never its content."""
    record, event = one.record, one.event
    return {
        "id": record.id,
        "timestamp": record.timestamp[:40],
        "verdict": event.verdict,
        "reason_code": event.reason_code,
        "policies": list(acted(record)),
        "gateway_id": event.gateway_id,
        "instance_id": event.instance_id,
        "configuration_id": event.configuration_id,
        "request_id": event.request_id,
        "escalation_id": record.escalation_id,
        "model": event.model,
        "provider": event.provider,
        "user_id": event.user_id,
        "agent_id": event.agent_id,
    }


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
