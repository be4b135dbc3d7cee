"""
What is attached to a message of a chat request: files, pictures and sound, as data in the request or as references.

The text of an attachment that is text is judged like any other, at a place that ends in `DATA`; what is no text is
told by its type and size alone. Sources: OpenAI's API reference ("Chat", content parts), RFC 2397 for `data:` URLs.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from keeptrusts.core.exchange import Document, Part, Place
from keeptrusts.wire.spelling import refuse_lookalikes
from keeptrusts.wire.strict_json import DATA, split_data
from keeptrusts.wire.texts import TextCollector, is_model_name, is_token, one_of

PARTS: Final = frozenset({"file", "image_url", "input_audio"})
NOT_TEXT: Final = "a part of a message is not text, and no policy reads it: send text parts only"
UNKNOWN: Final = "application/octet-stream"
_SUFFIXES: Final = {
    "csv": "text/csv",
    "html": "text/html",
    "json": "application/json",
    "md": "text/markdown",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "xml": "application/xml",
    "yaml": "application/yaml",
}
_TEXT_TYPES: Final = frozenset(
    {"application/json", "application/xml", "application/yaml", "application/x-yaml", "application/toml"}
    | {"application/javascript", "application/x-ndjson", "application/sql", "application/csv", "application/xhtml+xml"}
)
_NAMES: Final = {"file": "file_data", "image_url": "url", "input_audio": "data"}
_INPUTS: Final = {"input_image": "image_url", "input_file": "file_data"}
INPUTS: Final = frozenset(_INPUTS)
_SOURCE_FIELDS: Final = frozenset({"type", "media_type", "data", "url", "file_id"})
_DETAILS: Final = one_of("auto", "low", "high", "original")


def is_text_type(mime_type: str) -> bool:
    """Whether content of this type can be read as text."""
    return mime_type.startswith("text/") or mime_type in _TEXT_TYPES or mime_type.endswith(("+json", "+xml"))


def collect(collector: TextCollector, kind: str, given: Any, place: Place) -> None:
    """
    Take in one attachment.

    Args:
        kind: Type of the content part, one of `PARTS`.
        given: What stands under that name in the part, at `place`.
    """
    if not isinstance(given, dict):
        collector.walk(given, place, Part.OTHER)
        collector.documents.append(Document("", b"", place, unreadable=True))
        return
    _take(collector, attachment(kind, given, place), given.get(_NAMES[kind]))
    others = {key: value for key, value in given.items() if key != _NAMES[kind]}
    collector.members(others, place, {"detail": _DETAILS, "format": is_token})


def collect_input(collector: TextCollector, part: Mapping[str, Any], place: Place) -> None:
    """Take in a part of a Responses request that attaches something: `input_image` or `input_file`."""
    name = _INPUTS[str(part.get("type"))]
    _take(collector, _document(part.get(name), _suffixed(part), (*place, name)), part.get(name))
    others = {key: value for key, value in part.items() if key not in {name, "type"}}
    collector.members(others, place, {"detail": _DETAILS})


def _take(collector: TextCollector, document: Document, given: Any) -> None:
    collector.documents.append(document)
    if document.unreadable:
        collector.walk(given, document.place, Part.OTHER)
    elif is_text_type(document.mime_type):
        collector.add(document.data.decode(), (*document.place, DATA), Part.DOCUMENT)


def collect_source(collector: TextCollector, source: Any, place: Place) -> None:
    """Take in what a block of a Messages request attaches: `source` is base64, or a reference."""
    refuse_lookalikes(source, _SOURCE_FIELDS)
    given = source if isinstance(source, dict) and source.get("type") == "base64" else {}
    media_type, data = given.get("media_type"), given.get("data")
    if not isinstance(media_type, str) or not isinstance(data, str) or split_data(data)[0]:
        collector.walk(source, place, Part.OTHER)
        collector.documents.append(Document("", b"", place, unreadable=True))
        return
    _take(collector, _document(data, media_type.strip().lower(), (*place, "data")), data)
    others = {name: value for name, value in given.items() if name != "data"}
    collector.members(others, place, {"type": one_of("base64"), "media_type": is_model_name})


def attachment(kind: str, given: Mapping[str, Any], place: Place = ()) -> Document:
    """The document of a content part, whose place is that of its data."""
    return _document(given.get(_NAMES[kind]), _type_of(kind, given), (*place, _NAMES[kind]))


def _type_of(kind: str, given: Mapping[str, Any]) -> str:
    """The type of data that does not say it itself."""
    if kind == "input_audio":
        return f"audio/{given.get('format')}"
    return _suffixed(given)


def _suffixed(given: Mapping[str, Any]) -> str:
    suffix = str(given.get("filename") or "").rpartition(".")[2].lower()
    return _SUFFIXES.get(suffix, UNKNOWN)


def _document(given: Any, usual: str, place: Place) -> Document:
    """Data as it is; unreadable when it is a reference, no base64, or text in another encoding than UTF-8."""
    if not isinstance(given, str):
        return Document("", b"", place, unreadable=True)
    head, encoded = split_data(given)
    mime_type, _, parameters = head.lower().removeprefix("data:").removesuffix(",").partition(";")
    mime_type = (mime_type.strip() or "text/plain") if head else usual
    try:
        data = base64.b64decode(encoded, validate=True)
        whole = base64.b64encode(data).decode() == encoded
        if is_text_type(mime_type):
            data.decode("utf-8")
    except (binascii.Error, ValueError):
        whole, data = False, b""
    known = all(one.strip() in {"", "base64", "charset=utf-8", "charset=us-ascii"} for one in parameters.split(";"))
    return Document(mime_type, data if whole else b"", place, unreadable=not (whole and known and data))
