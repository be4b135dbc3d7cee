"""The law of streams for tool calls: put together from any deltas, they are those of the whole answer as judged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.policy.document import compile_document
from support.flows import Provider, Seen, answer, chunk, cut, cut_text, documents, last_error, play, said
from support.policy_cases import document

TERMS: dict[str, Any] = {"blocked_terms": ["Project Apollo"]}
CHAINS: dict[str, dict[str, Any]] = {
    "redact": {"pii-detector": {}, "dlp-filter": TERMS},
    "redact output": {"dlp-filter": TERMS},
    "restore": {"pii-detector": {"restore": True, "detect_patterns": ['<"[a-z]{4}"\\\\>']}},
    "restore whole": {
        "pii-detector": {"restore": True},
        "topic-filter": {"blocked_topics": ["x"], "allowed_topics": ["y"]},
    },
    "block": {"pii-detector": {"action": "block"}, "dlp-filter": TERMS},
    "block output": {"pii-detector": {}, "dlp-filter": {**TERMS, "action": "block"}},
    "firewall": {"agent-firewall": {"blocked_tools": ["shell*"]}, "pii-detector": {}},
}
REQUEST = 'I am ada@example.com, and <"abcd"\\> is the word; Project Gemini'

WORDS = st.sampled_from([
    "ada@example.com", "bob@example.com", "Project Apollo", "[EMAIL_1]", "[CUSTOM_1]", "[TOOL_EMAIL_1]",
    "ü🙂", '"', "\\", " ", "plain",
])  # fmt: skip
STRINGS = st.lists(WORDS, max_size=3).map("".join)
VALUES = st.recursive(
    st.one_of(STRINGS, st.none(), st.booleans(), st.integers(0, 9)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(STRINGS, inner, max_size=2)),
    max_leaves=4,
)
ARGUMENTS = st.one_of(
    st.dictionaries(st.sampled_from(["to", "body", "n"]), VALUES, max_size=3).map(
        lambda one: json.dumps(one, ensure_ascii=False)
    ),
    st.dictionaries(st.sampled_from(["to", "body"]), STRINGS, max_size=2).map(json.dumps),
    STRINGS,
)
NAMES = st.sampled_from(["send_mail", "shell_exec", "look up", "mail ada@example.com"])
CALLS = st.lists(st.tuples(NAMES, ARGUMENTS), max_size=2)
PLACES = st.lists(st.integers(0, 4000), max_size=20)


@cache
def compiled(name: str) -> CompiledPolicy:
    target = {"id": "main", "provider": "openai:chat:m", "secret_key_ref": {"env": "KEY"}}
    return compile_document(document(CHAINS[name], providers={"targets": [target]}))


def request(name: str, *, stream: bool) -> bytes:
    """Where values are given back there have to be some."""
    content = REQUEST if name.startswith("restore") else "hello"
    return json.dumps({"model": "m", "stream": stream, "messages": [{"role": "user", "content": content}]}).encode()


@st.composite
def streams(draw: st.DrawFn, text: str, calls: Sequence[tuple[str, str]]) -> bytes:
    """Text and calls in deltas cut anywhere; a call begins with its id and its name."""
    deltas: list[dict[str, Any]] = [{"content": piece} for piece in cut_text(text, draw(PLACES))]
    for index, (name, arguments) in enumerate(calls):
        head = {"name": name, "arguments": ""}
        deltas.append({"tool_calls": [{"index": index, "id": f"call_{index}", "type": "function", "function": head}]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
            for piece in cut_text(arguments, draw(PLACES))
        ]
    events = [chunk({"role": "assistant", "content": None}), *map(chunk, deltas), chunk({}, finish="tool_calls")]
    return b"".join(events) + b"data: [DONE]\n\n"


def whole(name: str, text: str, calls: Sequence[tuple[str, str]]) -> Seen:
    body = json.loads(answer(text))
    body["choices"][0]["message"]["tool_calls"] = [
        {"id": f"call_{index}", "type": "function", "function": {"name": called, "arguments": arguments}}
        for index, (called, arguments) in enumerate(calls)
    ]
    return play(compiled(name), request(name, stream=False), Provider([json.dumps(body).encode()]))


def calls_of(body: bytes) -> list[tuple[str, str]]:
    """The tool calls that a client puts together from a stream."""
    found: dict[int, list[str]] = {}
    for one in documents(body):
        for choice in one.get("choices", ()):
            for call in choice["delta"].get("tool_calls") or ():
                parts = found.setdefault(call["index"], ["", ""])
                function = call["function"]
                parts[0] += function.get("name", "")
                parts[1] += function.get("arguments", "")
    return [(name, arguments) for _, (name, arguments) in sorted(found.items())]


def message_of(body: bytes) -> Mapping[str, Any]:
    message: dict[str, Any] = json.loads(body)["choices"][0]["message"]
    return message


def findings(seen: Seen) -> list[dict[str, Any]]:
    """What the record says that the kinds said of tools, without the time it took."""
    return [{**result.as_json(), "latency_us": 0} for result in seen.record.policies if result.phase == "tool"]


@settings(deadline=None)
@given(st.sampled_from(sorted(CHAINS)), STRINGS, CALLS, PLACES, st.data())
def test_calls_come_out_as_those_of_the_whole_answer(
    name: str, text: str, calls: list[tuple[str, str]], places: list[int], data: st.DataObject
) -> None:
    """Redacted, restored or refused: the same, to the letter, and under the same reason."""
    body = data.draw(streams(text, calls))
    provider = Provider(cut(body, places), media_type="text/event-stream")
    seen, expected = play(compiled(name), request(name, stream=True), provider), whole(name, text, calls)

    assert (seen.record.verdict, seen.record.reason_code) == (expected.record.verdict, expected.record.reason_code)
    if expected.status == 409:
        error = seen.error if seen.status == 409 else last_error(seen.body)
        assert error is not None
        assert (error["code"], error["policy"]) == (expected.error["code"], expected.error["policy"])
        assert seen.status == 409 or not any(arguments for _, arguments in calls_of(seen.body))
    else:
        assert seen.record.phase == expected.record.phase
        assert findings(seen) == findings(expected)
        message = message_of(expected.body)
        functions = [one["function"] for one in message.get("tool_calls", ())]
        assert said(seen.body) == message["content"]
        assert calls_of(seen.body) == [(one["name"], one["arguments"]) for one in functions]
