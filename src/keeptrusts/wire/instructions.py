"""An instruction of the operator in front of everything else that a request tells the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire.strict_json import parse_object, splice

_encode = msgspec.json.Encoder().encode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


def instructed(raw: bytes, api_format: str, text: str) -> bytes:
    """
    The request with the instruction; everything else keeps its bytes.

    Raises:
        UnreadableError: The format has no place for one.
    """
    instruct = _INSTRUCT.get(api_format)
    if instruct is None:
        raise UnreadableError("this API has no place for the system message of the configuration: ask by chat")
    return splice(raw, {(key,): value for key, value in instruct(raw, text).items()})


def _as_message(raw: bytes, text: str) -> Mapping[str, object]:
    return {"messages": _before(raw, "messages", {"role": "system", "content": text})}


def _as_system(raw: bytes, text: str) -> Mapping[str, object]:
    if isinstance(parse_object(raw).get("system"), list):
        return {"system": _before(raw, "system", {"type": "text", "text": text})}
    return _as_text(raw, text, "system")


def _as_instructions(raw: bytes, text: str) -> Mapping[str, object]:
    return _as_text(raw, text, "instructions")


def _as_text(raw: bytes, text: str, key: str) -> Mapping[str, object]:
    told = parse_object(raw).get(key)
    return {key: f"{text}\n\n{told}" if told else text}


def _before(raw: bytes, key: str, item: Mapping[str, Any]) -> msgspec.Raw:
    items = [_encode(item), *map(bytes, _items(_members(raw)[key]))]
    return msgspec.Raw(b"[" + b",".join(items) + b"]")


_INSTRUCT: Final[Mapping[str, Callable[[bytes, str], Mapping[str, object]]]] = {
    "openai_chat": _as_message,
    "openai_responses": _as_instructions,
    "anthropic_messages": _as_system,
    "anthropic_count_tokens": _as_system,
}
