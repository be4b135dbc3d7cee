"""Chat completions read: every string that could carry content is a text that knows its place."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest

from keeptrusts.core.errors import UnreadableError
from keeptrusts.core.exchange import Part, Place, Role
from keeptrusts.wire.openai_chat import read_answer, read_request
from keeptrusts.wire.readings import ModelAnswer, ModelRequest, Usage
from keeptrusts.wire.strict_json import INNER, KEY, splice


def request(*messages: Any, **fields: Any) -> ModelRequest:
    said = list(messages) or [{"role": "user", "content": "hello"}]
    return read_request(json.dumps({"model": "m", "messages": said, **fields}).encode())


def answer(message: Any, **fields: Any) -> ModelAnswer:
    return read_answer(json.dumps({"choices": [{"index": 0, "message": message, **fields}]}).encode())


def found(texts: Any) -> dict[Place, tuple[str, str, str]]:
    return {text.place: (text.value, text.role, text.part) for text in texts}


def test_who_said_what_in_what() -> None:
    """Roles and parts of a conversation, each at its place."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"to":["x",{"y":"z"}],"n":1}'}}
    read = request(
        {"role": "developer", "content": "be kind"},
        {"role": "user", "name": "Ada L", "content": [{"type": "text", "text": "hello"}, "you"]},
        {"role": "assistant", "content": None, "refusal": "no", "reasoning_content": "hm", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "sunny"},
    )
    arguments: Place = ("messages", 2, "tool_calls", 0, "function", "arguments", INNER)

    assert found(read.texts) == {
        ("messages", 0, "content"): ("be kind", Role.SYSTEM, Part.CONTENT),
        ("messages", 1, "content", 0, "text"): ("hello", Role.USER, Part.CONTENT),
        ("messages", 1, "content", 1): ("you", Role.USER, Part.CONTENT),
        ("messages", 1, "name"): ("Ada L", Role.USER, Part.NAME),
        ("messages", 2, "refusal"): ("no", Role.ASSISTANT, Part.REFUSAL),
        ("messages", 2, "reasoning_content"): ("hm", Role.ASSISTANT, Part.REASONING),
        (*arguments, "to", KEY): ("to", Role.ASSISTANT, Part.TOOL_CALL),
        (*arguments, "to", 0): ("x", Role.ASSISTANT, Part.TOOL_CALL),
        (*arguments, "to", 1, "y", KEY): ("y", Role.ASSISTANT, Part.TOOL_CALL),
        (*arguments, "to", 1, "y"): ("z", Role.ASSISTANT, Part.TOOL_CALL),
        (*arguments, "n", KEY): ("n", Role.ASSISTANT, Part.TOOL_CALL),
        ("messages", 3, "content"): ("sunny", Role.TOOL, Part.TOOL_RESULT),
    }
    assert [(one.name, one.arguments, one.id) for one in read.tool_calls] == [
        ("f", {"to": ["x", {"y": "z"}], "n": 1}, "c")
    ]
    assert read.message_count == 4


def test_known_settings_are_no_content() -> None:
    """Of their own shape they carry nothing."""
    read = request(
        stream=True, temperature=0.5, n=2, max_tokens=7, reasoning_effort="low", tool_choice="auto", stop=None,
        stream_options={"include_usage": True}, service_tier="flex", parallel_tool_calls=False,
    )  # fmt: skip

    assert [text.value for text in read.texts if text.value != "stop"] == ["hello"]
    assert (read.model, read.stream, read.max_tokens, read.max_tokens_key) == ("m", True, 7, "max_tokens")


@pytest.mark.parametrize(
    ("fields", "texts"),
    [
        ({"temperature": "my name is Ada"}, {"my name is Ada"}),
        ({"service_tier": "Ada"}, {"Ada"}),
        ({"stop": ["Ada", "Bob"]}, {"stop", "Ada", "Bob"}),
        ({"metadata": {"who": "Ada", "account": 123456789012}}, {"metadata", "who", "Ada", "account", "123456789012"}),
        ({"user": "ada@example.com"}, {"ada@example.com"}),
        ({"stream_options": {"note": "Ada"}}, {"note", "Ada"}),
        ({"tool_choice": {"type": "function", "function": {"name": "Ada"}}}, {"Ada"}),
        ({"model": "my name is Ada"}, {"my name is Ada"}),
    ],
)
def test_what_nobody_knows_is_text(fields: dict[str, Any], texts: set[str]) -> None:
    """Law 3: an unknown field, a known one of another shape, names of fields, and long numbers."""
    assert {text.value for text in request(**fields).texts} == texts | {"hello"}


def test_tools_are_named_and_their_words_read() -> None:
    """Descriptions, enumerations and the names of parameters; the vocabulary of JSON Schema is no content."""
    schema = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Bern"], "description": "where"}}}
    tools = [{"type": "function", "function": {"name": "weather", "description": "ask Ada", "parameters": schema}}]
    read = request(tools=tools, functions=[{"name": "old"}])

    assert read.tools == ("weather", "old")
    defined = {text.value for text in read.texts if text.part is Part.TOOL_DEFINITION}
    assert defined == {"weather", "ask Ada", "city", "Bern", "where", "old"}


@pytest.mark.parametrize(
    ("options", "texts"),
    [({}, set()), ({"user_location": {"approximate": {"city": "Bern"}}}, {"Bern"}), ("odd", {"odd"})],
)
def test_a_search_of_the_provider_is_a_tool(options: Any, texts: set[str]) -> None:
    """Under the name that it has in other formats, so that what is said of tools holds for it."""
    read = request(web_search_options=options)

    assert read.tools == ("web_search",)
    assert {text.value for text in read.texts if text.part is Part.TOOL_DEFINITION} == texts


def test_an_empty_text_is_none() -> None:
    """There is nothing to judge."""
    assert request({"role": "user", "content": ""}).texts == ()


@pytest.mark.parametrize("key", ["max_tokens", "max_completion_tokens"])
def test_the_cap_is_found_under_either_name(key: str) -> None:
    """And will be lowered there."""
    read = request(**{key: 9})

    assert (read.max_tokens, read.max_tokens_key) == (9, key)


def test_an_answer_is_read_choice_by_choice() -> None:
    """Each text knows its choice; token tables are named, so that they can be dropped."""
    choices = [
        {"index": 0, "message": {"role": "assistant", "content": "a"}, "logprobs": {"content": []}},
        {"index": 1, "message": {"content": "b"}, "logprobs": None, "note": "n"},
    ]
    usage = {"prompt_tokens": 3, "completion_tokens": 5}
    read = read_answer(json.dumps({"id": "c", "choices": choices, "usage": usage}).encode())

    assert [(text.value, text.choice) for text in read.texts] == [("a", 0), ("b", 1), ("note", 1), ("n", 1)]
    assert {text.role for text in read.texts} == {Role.ASSISTANT}
    assert read.logprobs == (("choices", 0, "logprobs"),)
    assert read.usage == Usage(3, 5)


def test_usage_hides_nothing() -> None:
    """Counts are counts; anything else in there is text."""
    details = {"cached_tokens": 1, "ada": "x"}
    body = {"choices": [], "usage": {"prompt_tokens": 3, "prompt_tokens_details": details, "note": "hello"}}

    assert {text.value for text in read_answer(json.dumps(body).encode()).texts} == {"ada", "x", "note", "hello"}


@pytest.mark.parametrize("usage", [None, 5, [], {"prompt_tokens": -1}, {"prompt_tokens": "3"}, {"prompt_tokens": True}])
def test_usage_that_does_not_count_is_not_said(usage: Any) -> None:
    """A record holds numbers or nothing."""
    assert read_answer(json.dumps({"choices": [], "usage": usage}).encode()).usage == Usage()


@pytest.mark.parametrize(
    "message",
    [
        {"content": [{"type": "image_url", "image_url": {"url": "x"}}]},
        {"content": "hi", "audio": {"id": "a", "data": "AA=="}},
        {"content": "hi", "images": [{"type": "image_url"}]},
        {"role": "assistant", "tool_calls": [5]},
        {"role": "assistant", "tool_calls": [{"function": {"name": 5}}]},
        5,
        None,
    ],
)
def test_what_no_policy_reads_is_refused(message: Any) -> None:
    """Pictures, sound and strange calls of an answer."""
    with pytest.raises(UnreadableError):
        answer(message)


@pytest.mark.parametrize(
    ("modalities", "refused"),
    [(["text"], False), ([], False), (None, False), (["text", "audio"], True), (["image"], True), ("text", True)],
)
def test_sound_and_pictures_are_not_asked_for(modalities: Any, *, refused: bool) -> None:
    """The answer could not be read, so the request is refused before it costs anything."""
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "modalities": modalities}
    with pytest.raises(UnreadableError, match="`modalities`") if refused else nullcontext():
        read_request(json.dumps(body).encode())


def test_arguments_that_are_no_json_are_a_text() -> None:
    """And the call has no arguments that could be judged by their meaning."""
    read = answer({"tool_calls": [{"id": "c", "function": {"name": "a b", "arguments": "{oops"}}]})
    place: Place = ("choices", 0, "message", "tool_calls", 0, "function")

    assert found(read.texts) == {
        (*place, "name"): ("a b", Role.ASSISTANT, Part.TOOL_CALL),
        (*place, "arguments"): ("{oops", Role.ASSISTANT, Part.TOOL_CALL),
    }
    assert [call.arguments for call in read.tool_calls] == [None]


def test_arguments_that_are_no_text_are_read_all_the_same() -> None:
    """Some providers send the object itself."""
    read = answer({"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {"to": "x"}}}]})

    assert {text.value for text in read.texts} == {"to", "x"}
    assert [call.arguments for call in read.tool_calls] == [{"to": "x"}]


def test_each_text_can_be_put_back() -> None:
    """A splice at its place changes it and nothing else, inside arguments too."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"to":"x","k":{"y":"z"}}'}}
    read = request({"role": "user", "content": "hello"}, {"role": "assistant", "tool_calls": [call]}, user="u")
    for text in read.texts:
        again = read_request(splice(read.raw, {text.place: "other"}))
        values = [one.value for one in again.texts]
        assert sorted(values) == sorted([one.value for one in read.texts if one is not text] + ["other"])
