"""Decisions in the words of each place that `callbacks` may name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.core.decision import Decision
from keeptrusts.policy.asking import Credential, Question
from keeptrusts.policy.callback_letters import letter
from keeptrusts.policy.document import compile_document
from support.policy_cases import document

EVENT = Decision(
    id="evt_1",
    timestamp="2026-01-02T03:04:05.000006Z",
    request_id="req_1",
    verdict="blocked",
    reason_code="rbac.missing",
    status=409,
    model="m",
    provider="mock",
    latency_ms=1.5,
    input_tokens=7,
    user_id="ada",
    content={"request": [{"text": "my secret"}]},
).as_event()


def asked(**callback: Any) -> tuple[Question, Any]:
    """What a place is sent of the event, and its body."""
    policy = compile_document(document({"audit-logger": {}}, callbacks=[callback]))
    question = letter(policy.callbacks[0], [EVENT])
    assert question is not None
    assert b"my secret" not in question.body
    return question, json.loads(question.body)


def test_a_webhook_gets_records() -> None:
    """All of each but its content, with the header fields of the document."""
    question, body = asked(type="webhook", url="https://x.example/hook", headers={"X-Team": "a"})
    assert body == {"events": [{name: value for name, value in EVENT.items() if name != "content"}]}
    assert (question.url, question.headers[1], question.credential) == (
        "https://x.example/hook",
        ("x-team", "a"),
        None,
    )


def test_otlp_gets_spans() -> None:
    """With the times of the request and the names of the conventions for generative AI."""
    question, body = asked(type="otlp", endpoint="https://x.example/", secret_key_ref={"env": "K"}, service_name="edge")
    (resource,) = body["resourceSpans"]
    (span,) = resource["scopeSpans"][0]["spans"]
    told = {one["key"]: one["value"] for one in span["attributes"]}
    assert (question.url, question.credential) == ("https://x.example/v1/traces", Credential("K"))
    assert resource["resource"]["attributes"][0] == {"key": "service.name", "value": {"stringValue": "edge"}}
    assert (len(span["traceId"]), len(span["spanId"])) == (32, 16)
    assert int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"]) == 1_500_000
    assert told["gen_ai.usage.input_tokens"] == {"intValue": "7"}
    assert told["keeptrusts.verdict"] == {"stringValue": "blocked"}
    assert told["keeptrusts.degraded"] == {"boolValue": False}
    assert not {"user.id", "session.id"} & told.keys()


@pytest.mark.parametrize(
    ("trace", "kept"), [("0af7651916cd43dd8448eb211c80319c", True), ("0" * 32, False), ("X" * 32, False)]
)
def test_a_span_belongs_to_the_trace_of_the_caller(trace: str, *, kept: bool) -> None:
    """When it has one that is sound."""
    policy = compile_document(document({"audit-logger": {}}, callbacks=[{"type": "otlp", "endpoint": "https://x.y"}]))
    question = letter(policy.callbacks[0], [{**EVENT, "trace_id": trace}])
    assert question is not None
    span = json.loads(question.body)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert (span["traceId"] == trace) is kept


def test_a_span_hangs_on_the_caller_s() -> None:
    """Where it named one, each event its own; what failed says why."""
    policy = compile_document(document({"audit-logger": {}}, callbacks=[{"type": "otlp", "endpoint": "https://x.y"}]))
    traced = {**EVENT, "trace_id": "0af7651916cd43dd8448eb211c80319c"}
    events = [traced, {**traced, "verdict": "failed", "reason_code": "upstream_lost"}, EVENT]
    question = letter(policy.callbacks[0], events, ["b7ad6b7169203331", None, "b7ad6b7169203331"])
    assert question is not None
    spans = json.loads(question.body)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    errors = [[one["value"] for one in span["attributes"] if one["key"] == "error.type"] for span in spans]

    assert [span.get("parentSpanId") for span in spans] == ["b7ad6b7169203331", None, None]
    assert errors == [[], [{"stringValue": "upstream_lost"}], []]


@pytest.mark.parametrize(
    ("api_format", "name"), [("openai_embeddings", "embeddings m"), ("anthropic_messages", "chat m"), (None, "chat m")]
)
def test_a_span_is_named_by_what_was_done_and_the_model(api_format: str | None, name: str) -> None:
    """As the conventions for generative AI name spans."""
    policy = compile_document(document({"audit-logger": {}}, callbacks=[{"type": "otlp", "endpoint": "https://x.y"}]))
    question = letter(policy.callbacks[0], [{**EVENT, "model": "m", "api_format": api_format}])
    assert question is not None
    span = json.loads(question.body)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    told = {one["key"]: one["value"]["stringValue"] for one in span["attributes"] if "stringValue" in one["value"]}
    assert (span["name"], told["gen_ai.operation.name"]) == (name, name.split(maxsplit=1)[0])


def test_datadog_gets_logs() -> None:
    """At the intake of its site, by its own header field."""
    question, (line,) = asked(type="datadog", secret_key_ref={"env": "K"}, site="datadoghq.eu", tags=["env:a", "b:c"])
    assert question.url == "https://http-intake.logs.datadoghq.eu/api/v2/logs"
    assert question.credential == Credential("K", "dd-api-key", "")
    assert (line["ddtags"], line["status"], line["keeptrusts"]["id"]) == ("env:a,b:c", "warn", "evt_1")


def test_langfuse_gets_a_trace_and_its_generation() -> None:
    """In one batch, by basic authentication."""
    question, body = asked(type="langfuse", public_key="pk-1", secret_key_ref={"env": "K"})
    trace, generation = body["batch"]
    assert question.url == "https://cloud.langfuse.com/api/public/ingestion"
    assert question.credential == Credential("K", user="pk-1")
    assert (trace["type"], trace["body"]["userId"]) == ("trace-create", "ada")
    assert (generation["type"], generation["body"]["traceId"]) == ("generation-create", trace["body"]["id"])
    assert generation["body"]["usage"]["input"] == 7


def test_prometheus_fetches() -> None:
    """It is sent nothing."""
    policy = compile_document(document({"audit-logger": {}}, callbacks=[{"type": "prometheus"}]))
    assert letter(policy.callbacks[0], [EVENT]) is None


def test_a_stored_secret_is_asked_for() -> None:
    """The control plane gives gateways what their callbacks name, too."""
    callback = {"type": "webhook", "url": "https://x.example", "secret_key_ref": {"store": "HOOK"}}
    assert compile_document(document({"audit-logger": {}}, callbacks=[callback])).stored_secrets() == {"HOOK"}
