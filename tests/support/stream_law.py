"""Streamed answers cut anywhere, whole ones beside them, and what of both must be the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from keeptrusts.core.exchange import Exchange, Phase, Role, Text
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.policy.document import compile_document
from support.flows import HELLO, STREAM, Provider, Seen, answer, chunk, cut, cut_text, last_error, play, said
from support.policy_cases import document

FILLERS = st.sampled_from(
    [
        " ",
        ", ",
        ".",
        "\n",
        "\u200b",
        "\u200b" * 40,
        "ü",
        "🙂",
        "a",
        "0",
        "-",
        '"',
        "\\",
        " the ",
        " and so on ",
        "x" * 40,
    ]
)
PROSE = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
PLACES = st.lists(st.integers(0, 4000), max_size=40)
HEARTBEATS = (b"", b"", b": keep-alive\n\n")


def compiled_chain(blocks: dict[str, dict[str, Any]]) -> CompiledPolicy:
    """A document of these blocks, with a target and room for their hold-back."""
    target = {"id": "main", "provider": "openai:chat:m", "secret_key_ref": {"env": "KEY"}}
    return compile_document(document(blocks, providers={"targets": [target]}, streaming={"max_holdback_chars": 4096}))


@st.composite
def streams(draw: st.DrawFn, texts: Sequence[str]) -> bytes:
    """A stream that says these texts, one by choice, in deltas cut anywhere, or everywhere, and in any order."""
    single = draw(st.booleans())
    left = [(choice, list(text) if single else cut_text(text, draw(PLACES))) for choice, text in enumerate(texts)]
    events = [chunk({"role": "assistant", "content": ""}, choice=choice) for choice in range(len(texts))]
    left = [(choice, pieces) for choice, pieces in left if pieces]
    while left:
        at = draw(st.integers(0, len(left) - 1)) if len(left) > 1 else 0
        choice, pieces = left[at]
        events.append(draw(st.sampled_from(HEARTBEATS)) + chunk({"content": pieces.pop(0)}, choice=choice))
        if not pieces:
            del left[at]
    events += [chunk({}, choice=choice, finish="stop") for choice in range(len(texts))]
    return b"".join(events) + b"data: [DONE]\n\n"


def streamed(policy: CompiledPolicy, body: bytes, places: Sequence[int] = ()) -> Seen:
    return play(policy, STREAM, Provider(cut(body, places), media_type="text/event-stream"))


def whole(policy: CompiledPolicy, texts: Sequence[str]) -> Seen:
    """The same answer, not streamed."""
    body = json.loads(answer(""))
    first = body["choices"][0]
    body["choices"] = [
        {**first, "index": index, "message": {"role": "assistant", "content": text}} for index, text in enumerate(texts)
    ]
    return play(policy, HELLO, Provider([json.dumps(body).encode()]))


def contents(seen: Seen) -> list[str]:
    return [one["message"]["content"] for one in json.loads(seen.body)["choices"]]


def findings(seen: Seen) -> list[dict[str, Any]]:
    """What the record says that the kinds said, without the time it took."""
    return [{**result.as_json(), "latency_us": 0} for result in seen.record.policies if result.phase == "output"]


def first_match(policy: CompiledPolicy, text: str) -> int | None:
    """Where the earliest match of the only kind begins."""
    (kind,) = policy.chain.policies
    exchange = Exchange(Phase.OUTPUT, (Text(("t",), text, Role.ASSISTANT),), answered=True)
    verdict, _ = policy.chain.judge_once(kind, exchange)
    return min((match.start for match in verdict.matches), default=None)


def check_blocked(seen: Seen) -> None:
    """It ends as OpenAI's clients expect, and is recorded as blocked."""
    assert seen.record.verdict == "blocked"
    if seen.status == 409:
        assert seen.error["code"] == "output_blocked"
    else:
        error = last_error(seen.body)
        assert error is not None
        assert error["code"] == "output_blocked"
        assert seen.body.endswith(b"data: [DONE]\n\n")


def received(seen: Seen, choice: int = 0) -> str:
    return "" if seen.status == 409 else said(seen.body, choice)
