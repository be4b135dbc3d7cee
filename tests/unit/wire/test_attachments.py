"""Attachments of chat messages: what is read of them, how their text is put back, and what Anthropic is sent."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from keeptrusts.core.errors import UnreadableError
from keeptrusts.core.exchange import Part
from keeptrusts.policy.document import compile_document
from keeptrusts.wire.anthropic import request_to_messages
from keeptrusts.wire.messages import read_request as read_message
from keeptrusts.wire.messages_as_chat import request_to_chat
from keeptrusts.wire.openai_chat import read_answer, read_request
from keeptrusts.wire.readings import ModelRequest
from keeptrusts.wire.responses import read_request as read_response_request
from keeptrusts.wire.responses_as_chat import request_to_chat as response_to_chat
from keeptrusts.wire.strict_json import DATA, splice
from support.flows import Provider, answer, play
from support.policy_cases import document

PDF = "JVBERi0xLjcK"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def body(*parts: dict[str, Any], role: str = "user") -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": role, "content": list(parts)}]}).encode()


def file_of(data: str, **others: Any) -> dict[str, Any]:
    return {"type": "file", "file": {"file_data": data, **others}}


def read(*parts: dict[str, Any]) -> ModelRequest:
    return read_request(body(*parts))


def test_the_text_of_a_file_is_a_text() -> None:
    """At a place from which it can be put back, the rest keeping its bytes."""
    request = read({"type": "text", "text": "see"}, file_of(f"data:text/plain;base64,{encoded('hello')}"))
    place = ("messages", 0, "content", 1, "file", "file_data", DATA)
    (told,) = [text for text in request.texts if text.part is Part.DOCUMENT]

    assert (told.value, told.place) == ("hello", place)
    assert [(one.mime_type, one.data) for one in request.documents] == [("text/plain", b"hello")]
    changed = json.loads(splice(request.raw, {place: "good bye"}))
    assert changed == json.loads(request.raw.replace(encoded("hello").encode(), encoded("good bye").encode()))


@pytest.mark.parametrize(
    ("part", "mime_type", "is_read"),
    [
        (file_of(encoded("a,b"), filename="list.CSV"), "text/csv", True),
        (file_of(encoded("a,b"), filename="list"), "application/octet-stream", False),
        (file_of("data:;base64," + encoded("x")), "text/plain", True),
        (file_of("data:application/ld+json;charset=UTF-8;base64," + encoded("{}")), "application/ld+json", True),
        (file_of("DATA:Application/PDF;base64," + PDF), "application/pdf", False),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64," + PDF}}, "image/png", False),
        ({"type": "input_audio", "input_audio": {"data": PDF, "format": "wav"}}, "audio/wav", False),
    ],
)
def test_types(part: dict[str, Any], mime_type: str, is_read: bool) -> None:
    """As the data says it, else as the name or the format does."""
    request = read(part)
    (found,) = request.documents
    assert (found.mime_type, found.unreadable) == (mime_type, False)
    assert any(text.part is Part.DOCUMENT for text in request.texts) is is_read


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
        {"type": "file", "file": {"file_id": "file-123"}},
        {"type": "file", "file": "file-123"},
        {"type": "file"},
        file_of(""),
        file_of("data:text/plain,hello"),
        file_of("data:text/plain;base64,aGVsbG8"),
        file_of("data:text/plain;base64,aGVs bG8="),
        file_of("data:text/plain;base64,/////w=="),
        file_of("data:text/plain;charset=utf-16;base64," + encoded("x")),
        file_of(7),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_read_is_said_so(part: dict[str, Any]) -> None:
    """References, other encodings, and data that decoders read differently."""
    assert [one.unreadable for one in read(part).documents] == [True]


def test_what_stands_beside_the_data_is_text() -> None:
    """A file's name, a reference, and what nobody knows."""
    request = read(
        file_of(f"data:application/pdf;base64,{PDF}", filename="Ada's salary.pdf", note="x"),
        {"type": "image_url", "image_url": {"url": "https://example.com/ada", "detail": "low"}},
    )
    values = {text.value for text in request.texts}
    assert {"Ada's salary.pdf", "x", "https://example.com/ada"} <= values
    assert "low" not in values


@pytest.mark.parametrize(
    "part",
    [
        {"type": "text", "text": "x", "file": {"file_data": "smuggled"}},
        {"type": "text", "text": "x", "refusal": "smuggled"},
        {"type": "refusal", "refusal": "x", "text": "smuggled"},
        file_of(encoded("x"), filename="x.txt") | {"text": "smuggled"},
    ],
)
def test_a_part_has_no_room_for_another(part: dict[str, Any]) -> None:
    """What stands under the name of another type is text."""
    assert "smuggled" in {text.value for text in read(part).texts}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "file", "File": {"file_data": PDF}},
        file_of(PDF, fileData=PDF),
        {"type": "image_url", "image_url": {"URL": "data:image/png;base64," + PDF}},
    ],
)
def test_names_that_a_provider_may_take_for_another(part: dict[str, Any]) -> None:
    """Are refused, as everywhere."""
    with pytest.raises(UnreadableError, match="spelling"):
        read(part)


def test_a_key_that_is_our_mark_is_refused() -> None:
    """No document can name the place of another's text."""
    with pytest.raises(UnreadableError, match="reserved"):
        read({"type": "text", "text": "x", "extra": {DATA: "y"}})


def test_an_answer_attaches_nothing() -> None:
    """Where nobody reads documents they are refused."""
    message = {"role": "assistant", "content": [file_of(PDF)]}
    with pytest.raises(UnreadableError, match="not text"):
        read_answer(json.dumps({"choices": [{"index": 0, "message": message}]}).encode())


def message(*content: dict[str, Any]) -> bytes:
    return json.dumps(
        {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": list(content)}]}
    ).encode()


def source_of(media_type: str, data: str, kind: str = "document") -> dict[str, Any]:
    return {"type": kind, "source": {"type": "base64", "media_type": media_type, "data": data}}


@pytest.mark.parametrize(
    ("block", "mime_type", "unreadable"),
    [
        (source_of("image/png", PDF, "image"), "image/png", False),
        (source_of("application/pdf", PDF), "application/pdf", False),
        (source_of("application/pdf", "data:application/pdf;base64," + PDF), "", True),
        ({"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}, "", True),
        ({"type": "image", "source": {"type": "file", "file_id": "file_1"}}, "", True),
        ({"type": "image", "source": {}}, "", True),
        (
            {"type": "tool_result", "tool_use_id": "t", "content": [source_of("image/png", PDF, "image")]},
            "image/png",
            False,
        ),
    ],
)
def test_blocks_of_messages(block: dict[str, Any], mime_type: str, unreadable: bool) -> None:
    """The Messages API attaches by blocks with a source; what it refers to is not here."""
    (found,) = read_message(message(block)).documents
    assert (found.mime_type, found.unreadable) == (mime_type, unreadable)


def test_the_text_of_a_block_is_a_text() -> None:
    """And so is what stands beside it."""
    block = source_of("text/csv", encoded("a,b")) | {"title": "list", "content": "smuggled"}
    texts = {text.value: text.place for text in read_message(message(block)).texts}
    assert texts["a,b"] == ("messages", 0, "content", 0, "source", "data", DATA)
    assert {"list", "smuggled"} <= texts.keys()


def test_chat_is_sent_pictures_and_pdf() -> None:
    """As parts of its own, in the order in which they came."""
    raw = message(
        source_of("image/png", PDF, "image"),
        source_of("application/pdf", PDF) | {"title": "a.pdf", "context": "of May"},
        {"type": "text", "text": "see"},
    )
    assert json.loads(request_to_chat(raw))["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PDF}"}},
        {"type": "text", "text": "of May"},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
        {"type": "text", "text": "see"},
    ]


def test_what_chat_does_not_take_is_refused() -> None:
    """Never dropped."""
    with pytest.raises(UnreadableError, match="translated"):
        request_to_chat(message({"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}))


def response(*parts: dict[str, Any]) -> bytes:
    return json.dumps({"model": "m", "input": [{"role": "user", "content": list(parts)}]}).encode()


@pytest.mark.parametrize(
    ("part", "mime_type", "unreadable"),
    [
        ({"type": "input_image", "image_url": "data:image/png;base64," + PDF, "detail": "low"}, "image/png", False),
        ({"type": "input_image", "image_url": "https://example.com/a.png"}, "application/octet-stream", True),
        ({"type": "input_image", "file_id": "file_1"}, "", True),
        ({"type": "input_file", "file_data": "data:application/pdf;base64," + PDF}, "application/pdf", False),
        ({"type": "input_file", "file_data": PDF, "filename": "a.pdf"}, "application/pdf", False),
        ({"type": "input_file", "file_url": "https://example.com/a.pdf"}, "", True),
    ],
)
def test_parts_of_responses(part: dict[str, Any], mime_type: str, unreadable: bool) -> None:
    """The Responses API attaches by parts of its own."""
    (found,) = read_response_request(response(part)).documents
    assert (found.mime_type, found.unreadable) == (mime_type, unreadable)


def test_the_text_of_a_part_of_responses_is_a_text() -> None:
    """And so is what stands beside it, under whatever name."""
    part = {"type": "input_file", "file_data": encoded("a,b"), "filename": "list.csv", "text": "smuggled"}
    texts = {text.value: text.place for text in read_response_request(response(part)).texts}
    assert texts["a,b"] == ("input", 0, "content", 0, "file_data", DATA)
    assert {"list.csv", "smuggled"} <= texts.keys()
    beside = read_response_request(response({"type": "input_text", "text": "x", "refusal": "smuggled"})).texts
    assert "smuggled" in {text.value for text in beside}


def test_responses_are_said_in_chat_with_what_they_attach() -> None:
    """Never without it."""
    picture = {"type": "input_image", "image_url": "data:image/png;base64," + PDF, "detail": "low"}
    paper = {"type": "input_file", "file_data": "data:application/pdf;base64," + PDF, "filename": "a.pdf"}
    raw = response({"type": "input_text", "text": "see"}, picture, paper)
    assert json.loads(response_to_chat(raw))["messages"][0]["content"] == [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PDF, "detail": "low"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64," + PDF}},
    ]
    with pytest.raises(UnreadableError, match="attach it as data"):
        response_to_chat(response({"type": "input_image", "file_id": "file_1"}))


def blocks(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(request_to_messages(body(*parts)))["messages"][0]["content"]
    return found


def test_anthropic_is_sent_pictures_pdf_and_text() -> None:
    """As blocks of its own."""
    text = file_of(f"data:text/plain;base64,{encoded('hello')}")
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PDF}"}}
    assert blocks({"type": "text", "text": "see"}, file_of(f"data:application/pdf;base64,{PDF}"), text, picture) == [
        {"type": "text", "text": "see"},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hello"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PDF}},
    ]


@pytest.mark.parametrize(
    "raw",
    [
        body(file_of(f"data:text/csv;base64,{encoded('a,b')}")),
        body({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}),
        body(file_of(f"data:application/pdf;base64,{PDF}"), role="system"),
    ],
)
def test_what_anthropic_does_not_take_is_refused(raw: bytes) -> None:
    """Never dropped."""
    with pytest.raises(UnreadableError, match="this provider takes"):
        request_to_messages(raw)


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_messages_need_such_a_kind_too(path: str) -> None:
    """As a request and as one that is counted."""
    policy = compile_document(document({"audit-logger": {}}, providers={"targets": [{"id": "a", "provider": "mock"}]}))
    seen = play(policy, message(source_of("image/png", PDF, "image")), Provider(), path=path)
    assert (seen.status, seen.sent_upstream) == (422, [])


@pytest.mark.parametrize(
    ("blocks_of_chain", "status"),
    [({}, 422), ({"document-analyzer": {"enabled": False}}, 422), ({"document-analyzer": {}}, 200)],
)
def test_documents_need_a_kind_that_reads_them(blocks_of_chain: dict[str, Any], status: int) -> None:
    """Without one, or with one that is off, nothing attached goes on."""
    target = {"id": "main", "provider": "openai:chat:m", "secret_key_ref": {"env": "KEY"}}
    policy = compile_document(document({"audit-logger": {}, **blocks_of_chain}, providers={"targets": [target]}))
    raw = body(file_of(f"data:text/plain;base64,{encoded('hello')}"))
    seen = play(policy, raw, Provider([answer("fine")]))

    assert seen.status == status
    assert [effect.body for effect in seen.sent_upstream] == ([raw] if status == 200 else [])
