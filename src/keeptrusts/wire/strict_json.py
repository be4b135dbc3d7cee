"""
JSON that means one thing only, and edits that leave the rest of it as it arrived.

Two parsers that read a document differently are a way round every policy. So whatever parsers disagree on is refused:
duplicate keys, NaN and infinities, lone surrogates, broken UTF-8, depth without end (RFC 8259 sections 4, 6, 8 and 9).
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from keeptrusts.core.errors import UnreadableError
from keeptrusts.core.exchange import Place

MAX_DEPTH: Final = 200
INNER: Final = "#json"
KEY: Final = "#key"
DATA: Final = "#data"
MARKS: Final = frozenset({INNER, KEY, DATA})

_KEPT: Final = object()
_encode = msgspec.json.Encoder().encode
_text = msgspec.json.Decoder(str).decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_anything = msgspec.json.Decoder().decode


@dataclass(slots=True)
class _Node:
    """What is to happen at one place: another value, another name, or something further in."""

    below: dict[str | int, _Node] = field(default_factory=dict)
    value: object = _KEPT
    name: str | None = None


class NotJsonError(UnreadableError):
    """Not JSON in any reading, so no two parsers can differ on it."""

    code = "not_json"


def parse_json(raw: bytes) -> Any:
    """
    The document that every parser reads in these bytes.

    Raises:
        NotJsonError: No parser reads one.
        UnreadableError: Parsers may read different ones.
    """
    try:
        document = _DECODER.decode(raw.decode("utf-8"))
        if b"\\u" in raw:
            _anything(raw)  # the only thing it refuses and the other does not: a lone surrogate
    except UnicodeDecodeError:
        raise NotJsonError("the text is not UTF-8: send UTF-8") from None
    except json.JSONDecodeError as error:
        raise NotJsonError(f"not JSON: stops making sense at character {error.pos}") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise UnreadableError("JSON with a lone surrogate or a number out of range: leave it out") from None
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
        _check_depth(document)
    return document


def parse_object(raw: bytes) -> dict[str, Any]:
    """The same for a document that has to be an object."""
    document = parse_json(raw)
    if not isinstance(document, dict):
        raise UnreadableError("the body is not a JSON object: send an object")
    return document


def splice(raw: bytes, changes: Mapping[Place, object]) -> bytes:
    """
    `raw` with other values at some places; every value not on the way to one keeps its bytes (law 5).

    A member that is absent is added at the end. A member renamed to a name already there gets a number behind it, so
    that none is lost.
    """
    if not changes:
        return raw
    root = _Node()
    for place, value in changes.items():
        node = root
        for step in place[:-1]:
            node = node.below.setdefault(step, _Node())
        if place[-1] == KEY:
            node.name = str(value)
        else:
            node.below.setdefault(place[-1], _Node()).value = value
    return _spliced(raw, root)


def _spliced(raw: bytes, node: _Node) -> bytes:
    if node.value is not _KEPT:
        return _encode(node.value)
    if not node.below:
        return raw
    if INNER in node.below:
        return _encode(_spliced(_text(raw).encode(), node.below[INNER]).decode())
    if DATA in node.below:
        return _encode(with_data(_text(raw), str(node.below[DATA].value)))
    if raw.lstrip()[:1] == b"[":
        items = [bytes(item) for item in _items(raw)]
        for index, below in node.below.items():
            assert isinstance(index, int)
            items[index] = _spliced(items[index], below)
        return b"[" + b",".join(items) + b"]"
    members = {name: bytes(value) for name, value in _members(raw).items()}
    for name, below in node.below.items():
        assert isinstance(name, str)
        members[name] = _spliced(members.get(name, b"null"), below)
    names = _renamed(members, node.below)
    return b"{" + b",".join(_encode(names[name]) + b":" + value for name, value in members.items()) + b"}"


def split_data(text: str) -> tuple[str, str]:
    """The head of a `data:` URL with its comma, and what follows it; without a head, all of it is data."""
    head, comma, data = text.partition(",")
    is_url = head[:5].lower() == "data:" and comma
    return (head + comma, data) if is_url else ("", text)


def with_data(text: str, content: str) -> str:
    """The same with other content, in base64."""
    return split_data(text)[0] + base64.b64encode(content.encode()).decode()


def _renamed(members: Iterable[str], below: Mapping[str | int, _Node]) -> dict[str, str]:
    kept = {name for name in members if name not in below or below[name].name is None}
    names = {name: name for name in kept}
    for name in members:
        if name in kept:
            continue
        wanted = fresh = str(below[name].name)
        count = 1
        while fresh in kept:
            count += 1
            fresh = f"{wanted} {count}"
        kept.add(fresh)
        names[name] = fresh
    return names


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise UnreadableError("a key occurs twice in one JSON object: parsers differ on which counts, so send it once")
    return members


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise UnreadableError("a number is out of range: send it as text")
    return number


def _no_constant(name: str) -> Any:
    raise UnreadableError(f"`{name}` is not JSON: send null or a number")


def _check_depth(document: Any) -> None:
    level = [document] if isinstance(document, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise _too_deep()


def _children(parent: Any) -> Iterable[Any]:
    inside = parent.values() if isinstance(parent, dict) else parent
    return [child for child in inside if isinstance(child, dict | list)]


def _too_deep() -> UnreadableError:
    return UnreadableError(f"nested deeper than {MAX_DEPTH} levels: flatten it")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_distinct, parse_float=_finite, parse_constant=_no_constant)
