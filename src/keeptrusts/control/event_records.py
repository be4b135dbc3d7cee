"""
The records of gateways as bytes: read strictly, their hash checked, and told whether each is the one text of its event.

Almost every record is of the shape that gateways write today. Such a one is read into a value that, written again,
gives the very bytes that came: this shows at once that its members are in order, that nothing is blank, and that
nothing was added. Whatever else comes is looked at member by member, with the same outcome.
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
import re2

from keeptrusts.core.canonical import canonical_json
from keeptrusts.core.ids import EVENT, is_id
from keeptrusts.trail.chain import event_hash
from keeptrusts.trail.contents import FORM, hashed_part, is_content_sealed
from keeptrusts.trail.record_json import record_json

LONGEST_COLUMN: Final = 200
_BYTES = re2.Options()
_BYTES.encoding = re2.Options.Encoding.LATIN1
_SEVERAL = rb'(?:":|[,\[])(?:-?(?:[0-9.]*[eE]|[0-9]+\.[0-9]*0[,}\]]|[0-9.]{16}|0\.0)|-0)|[\xf0-\xff]'
_SPECIAL = re2.compile(_SEVERAL + rb"|\\", _BYTES)
"""
Numbers and escapes that can be written in several ways, and letters that UTF-16 sorts elsewhere.

The number of a member stands behind `":`, since a blank would show in the comparison. A colon alone is in digests and
times, too, and one digest in six goes on like a number with an exponent.
"""
_SPECIAL_CONTENT = re2.compile(_SEVERAL, _BYTES)
"""Of content that was written again: each character has one escape there, and it is the canonical one."""
_IDLE: Final = frozenset(("allowed", "skipped"))
_HASH: Final = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_ID: Final = re.compile(rf"{EVENT}_[0-9a-f]{{32}}", re.ASCII)
_NUL: Final = b"\\u0000"
_APART: Final = f'"form":"{FORM}"'.encode()

Verdict: TypeAlias = Literal["allowed", "redacted", "escalated", "blocked", "failed"]
_Text: TypeAlias = str | None
_Column: TypeAlias = Annotated[str, msgspec.Meta(max_length=LONGEST_COLUMN)] | None
_Whole: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**53) + 1, le=2**53 - 1)]
_Instance: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_COLUMN)]
_Sequence: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
_Number: TypeAlias = _Whole | float


class PoisonError(Exception):
    """It will never be an event; the argument is the code."""


class _Policy(msgspec.Struct):
    kind: str
    verdict: str
    mode: str = "enforce"


class _Record(msgspec.Struct):
    """What every record must have; unknown members pass: a newer gateway may say more."""

    id: str
    event_type: Literal["decision", "gap"]
    timestamp: str
    instance_id: str
    sequence: int
    prev_hash: str | None
    hash: str
    verdict: Verdict | None = None
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
    form: str | None = None
    policies: list[_Policy] = []

    @property
    def why(self) -> str:
        """Its reason code, or why records are missing."""
        return self.reason_code or self.reason or ""

    @property
    def admits(self) -> tuple[int, int] | None:
        """First and last sequence that a gap record says were lost."""
        if self.event_type != "gap" or self.from_sequence is None or self.to_sequence is None:
            return None
        return self.from_sequence, self.to_sequence


class _Finding(msgspec.Struct, gc=False):
    category: str
    count: _Whole


class _Asked(msgspec.Struct, gc=False):
    digest: _Text
    latency_us: _Whole
    outcome: str
    status: _Whole


class _Result(msgspec.Struct, omit_defaults=True, kw_only=True, gc=False):
    asked: list[_Asked] = []
    findings: list[_Finding]
    kind: str
    latency_us: _Whole
    mode: str
    phase: str
    reason_code: str
    verdict: str


class _Attempt(msgspec.Struct, gc=False):
    latency_ms: _Number
    outcome: str
    provider: str
    status: _Whole | None
    target_id: str


class Decided(msgspec.Struct, gc=False):
    """A decision with every member that gateways write today, in the order of the canonical form."""

    agent_id: _Column
    api_format: _Text
    attempts: list[_Attempt]
    config_digest: _Text
    configuration_id: _Column
    configuration_version: _Whole | None
    content: Any
    content_digest: _Text
    cost_usd: _Number | None
    degraded: bool
    escalation_id: _Column
    event_type: Literal["decision"]
    gateway_id: _Column
    hash: str
    id: str
    input_tokens: _Whole | None
    instance_id: _Instance
    key_id: _Text
    latency_ms: _Number
    model: _Column
    output_tokens: _Whole | None
    overhead_us: _Number
    phase: _Text
    policies: list[_Result]
    prev_hash: _Text
    provider: _Column
    reason_code: Annotated[str, msgspec.Meta(max_length=LONGEST_COLUMN)]
    request_id: _Column
    sequence: _Sequence
    session_id: _Text
    shadow_verdict: _Text
    status: _Whole
    streamed: bool
    target_id: _Text
    team_id: _Text
    timestamp: str
    trace_id: _Text
    user_id: _Column
    verdict: Verdict

    @property
    def why(self) -> str:
        """Its reason code."""
        return self.reason_code

    @property
    def admits(self) -> None:
        """No loss."""


Record: TypeAlias = Decided | _Record

_read_decided = msgspec.json.Decoder(Decided).decode
_read_record = msgspec.json.Decoder(_Record).decode
_write = msgspec.json.Encoder(order="deterministic").encode


def read_record(raw: bytes) -> tuple[Record, str, bytes | None]:
    """
    A record, the canonical JSON text of what its hash covers, and that of the content which the hash leaves out.

    Raises:
        PoisonError: `invalid_event`, `hash_mismatch` or `not_canonical`.
    """
    found = None if _APART in raw else _as_written(raw)
    return look_closer(raw) if found is None else (found, raw.decode(), None)


def look_closer(raw: bytes) -> tuple[Record, str, bytes | None]:
    """The same of a record of any shape, whoever wrote it; and slower."""
    try:
        record = _read_record(raw)
        _cut(record)
        _check(record)
        if record.form == FORM:
            return record, *_apart(raw, record.hash)
        return record, _intact(raw, record.hash).decode(), None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise PoisonError("invalid_event") from None


def acted(record: Record) -> tuple[str, ...]:
    """The kinds that did not simply allow, once each; what one would have done in shadow is not done."""
    kinds = [one.kind for one in record.policies if one.mode != "shadow" and one.verdict not in {"allowed", "skipped"}]
    return tuple(dict.fromkeys(kind.replace("\x00", "") for kind in kinds)) if kinds else ()


def _as_written(raw: bytes) -> Decided | None:
    """The record if it is of today's shape and its own canonical text, with its hash; None: look closer."""
    if b"\\" in raw and _NUL in raw:
        return None
    try:
        found = _read_decided(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if _write(found) != raw or not _is_plain(found):
        return None
    without = raw.replace(b'"hash":"%b",' % found.hash.encode(), b"", 1)
    return found if "sha256:" + hashlib.sha256(without).hexdigest() == found.hash and _fits(found) else None


def _fits(found: Decided) -> bool:
    """What its types do not say."""
    return _ID.fullmatch(found.id) is not None and (
        found.prev_hash is None or _HASH.fullmatch(found.prev_hash) is not None
    )


def _is_plain(found: Decided) -> bool:
    """Whether its numbers, and what content holds, can be written in one way alone."""
    for number in (found.latency_ms, found.cost_usd, found.overhead_us, *[one.latency_ms for one in found.attempts]):
        # outside of these bounds JavaScript has another form than the one it was compared with
        if type(number) is float and (number.is_integer() or not 1e-5 <= number < 1e15):
            return False
    return found.content is None or _SPECIAL_CONTENT.search(b'":' + _write(found.content)) is None


def _cut(record: _Record) -> None:
    """Columns are short enough for an index, and storable; the text keeps the whole."""
    for name in _COLUMNS:
        value = getattr(record, name)
        if value is not None:
            setattr(record, name, value[:LONGEST_COLUMN].replace("\x00", ""))
    record.timestamp = record.timestamp.replace("\x00", "")


_COLUMNS: Final = (
    "reason_code", "reason", "gateway_id", "configuration_id", "model", "provider", "user_id", "agent_id",
    "request_id", "escalation_id",
)  # fmt: skip


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
        raise PoisonError("invalid_event")
    if record.prev_hash is not None and not _HASH.fullmatch(record.prev_hash):
        raise PoisonError("invalid_event")


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
    raise PoisonError("not_canonical" if as_sent else "hash_mismatch")


def _apart(raw: bytes, stated: str) -> tuple[str, bytes]:
    """The text that is hashed of a record of the second form, and its content, both canonical whoever wrote them."""
    event = msgspec.json.decode(raw)
    event.pop("received_at", None)
    content = event.get("content")
    if not isinstance(content, dict) or is_content_sealed(event):
        raise PoisonError("hash_mismatch")
    try:
        text, apart = record_json(hashed_part(event)), record_json(content)
    except (ValueError, TypeError):
        raise PoisonError("not_canonical") from None
    without = text.replace(b'"hash":"%b",' % stated.encode(), b"", 1)
    if (_digest(without), _digest(apart)) != (stated, event.get("content_digest")):
        raise PoisonError("hash_mismatch")
    return text.decode(), apart


def _digest(text: bytes) -> str:
    return "sha256:" + hashlib.sha256(text).hexdigest()


def is_canonical(raw: bytes, event: Any) -> bool:
    """Whether this is the one text of this event; another that was hashed as it stands could be verified by nobody."""
    if _SPECIAL.search(raw) is None and msgspec.json.encode(event, order="sorted") == raw:
        return True  # order and blanks were all that could differ, and that is told without walking through the event
    try:
        return canonical_json(event) == raw
    except (ValueError, TypeError):
        return False


def safe_id(raw: bytes) -> str | None:
    """Its id when it has one that is safe to repeat."""
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    identifier = found.get("id") if isinstance(found, dict) else None
    return identifier if isinstance(identifier, str) and is_id(identifier, EVENT) else None
