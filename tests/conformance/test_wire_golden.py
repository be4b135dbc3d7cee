"""
Requests and answers of every format through the gateway, to every kind of provider, as data (`wire/*.json`).

Each file holds what the client sends, what the provider gets of it, what the provider answers, and what the client
gets, whole and streamed; `documents`, where something is attached, since a policy has to read it then. Another
implementation could run them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from keeptrusts.core.exchange import Target
from keeptrusts.policy.compiled import TargetSettings, WireFormat
from keeptrusts.policy.kinds.document_analyzer import DocumentAnalyzer
from keeptrusts.policy.providers import KNOWN
from keeptrusts.wire.dialects import COUNT, DIALECTS, EMBEDDINGS
from keeptrusts.wire.event_stream import MEDIA_TYPE
from support import bedrock
from support.flows import Provider, Seen, play, policy_of

FOLDER = Path(__file__).parent / "wire"
FORMATS: dict[str, WireFormat] = {"anthropic": "anthropic", "bedrock": "bedrock"}
CASES = sorted(path.stem for path in FOLDER.glob("*.json"))


def load(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return read


def asked(case: dict[str, Any], *, stream: bool) -> Seen:
    """The case, played: the request with `stream`, and the provider's answer in one piece."""
    form = FORMATS.get(case["provider"], "openai")
    target = TargetSettings(target=Target("up", case["provider"]), base_url="http://up", format=form)
    body = json.dumps(case["request"] | ({"stream": True} if stream else {})).encode()
    told = events(case["stream"]["answer"], form) if stream else Provider([json.dumps(case["answer"]).encode()])
    kinds = (DocumentAnalyzer(allowed_mime_types=("image/*", "application/pdf")),) if case.get("documents") else ()
    return play(policy_of(*kinds, targets=(target,)), body, told, path=case["path"])


def events(answer: list[Any], form: WireFormat) -> Provider:
    """A stream: server-sent events as they stand in the case, or those of Amazon by name and payload."""
    if form == "bedrock":
        body = b"".join(bedrock.event(name, **payload) for name, payload in answer)
        return Provider([body], media_type=MEDIA_TYPE)
    return Provider(["".join(answer).encode()], media_type="text/event-stream")


@pytest.mark.parametrize("name", CASES)
def test_whole(name: str) -> None:
    """What the provider is sent, and what the client gets of its answer."""
    case = load(name)
    seen = asked(case, stream=False)
    (sent,) = seen.sent_upstream

    assert (sent.path, json.loads(sent.body)) == (case["sent"]["path"], case["sent"]["body"])
    assert (seen.status, json.loads(seen.body)) == (200, case["received"])
    assert [seen.record.input_tokens, seen.record.output_tokens] == case["tokens"]


@pytest.mark.parametrize("name", [name for name in CASES if "stream" in load(name)])
def test_streamed(name: str) -> None:
    """The same in events, frame by frame."""
    case = load(name)
    seen = asked(case, stream=True)

    (sent,) = seen.sent_upstream
    assert sent.path == case["stream"].get("path", case["sent"]["path"])
    assert json.loads(sent.body) == case["sent"]["body"] | case["stream"]["asked"]
    assert [f"{frame}\n\n" for frame in seen.body.decode().split("\n\n")[:-1]] == case["stream"]["received"]
    assert seen.ended


def test_every_format_reaches_every_provider() -> None:
    """There is a case for each pair, but where the provider has no such API and it cannot be made of another."""
    found = {(load(name)["path"], load(name)["provider"]) for name in CASES}
    providers = KNOWN.keys() - {"mock", "openai-compatible"}
    wanted = {(path, provider) for path, dialect in DIALECTS.items() if dialect not in (COUNT, EMBEDDINGS)
              for provider in providers}  # fmt: skip
    wanted |= {(COUNT.path, provider) for provider in ("anthropic", "bedrock")}
    wanted |= {(EMBEDDINGS.path, provider) for provider in providers - {"anthropic"}}

    assert found == wanted


@pytest.mark.parametrize(
    "subject", ["tools", "documents", "reasoning", "refusal", "choices", "future", "json", "schema"]
)
def test_every_subject_has_its_cases(subject: str) -> None:
    """What a conversation may hold besides text, by the names of the files."""
    assert [name for name in CASES if f"-{subject}-" in name]
