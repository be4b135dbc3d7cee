"""Speaking to a provider: what a target is sent, how its answer is read, what the client is told of its failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

from keeptrusts.core.errors import (
    CircuitOpenError,
    UpstreamError,
    UpstreamGarbledError,
    UpstreamLostError,
    UpstreamTimeoutError,
)
from keeptrusts.core.exchange import Place
from keeptrusts.flow.decisions import Notes
from keeptrusts.flow.effects import CloseUpstream, Flow, Headers, ReadUpstream, UpstreamHead
from keeptrusts.flow.replies import Refusal
from keeptrusts.policy.compiled import CompiledPolicy, TargetSettings
from keeptrusts.policy.engine import Judgement
from keeptrusts.wire import bedrock
from keeptrusts.wire.anthropic import VERSION
from keeptrusts.wire.dialects import CHAT, COUNT, EMBEDDINGS, MESSAGES, Dialect, bridge_to, framing_of, is_native
from keeptrusts.wire.failures import named_by
from keeptrusts.wire.instructions import instructed
from keeptrusts.wire.openai_chat import NEW_CAP, fitted
from keeptrusts.wire.readings import ModelRequest
from keeptrusts.wire.strict_json import splice

MAX_ERROR_BYTES: Final = 256 * 1024
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
"""Held for a whole answer when the document sets no limit of its own."""

MODEL_FAILED: Final = 424
MODEL_LATE: Final = 408
"""How Bedrock says that its model failed, or took too long."""
_FORWARDED: Final = frozenset(
    {"authorization", "openai-organization", "openai-project", "openai-beta", "user-agent", "idempotency-key", "accept"}
)
_ANTHROPIC: Final = frozenset({"x-api-key", "anthropic-version", "anthropic-beta"})
_CREDENTIALS: Final = frozenset({"authorization", "x-api-key", "openai-organization", "openai-project"})
_ACTIONS: Final[Mapping[str, bedrock.Action]] = {COUNT.name: "count-tokens", EMBEDDINGS.name: "invoke"}
"""What Bedrock is asked to do where it is no conversation."""
_SIGNED: Final = frozenset({"user-agent"})
"""To who checks our own signature."""


@dataclass(frozen=True, slots=True)
class Opened:
    """
    A provider that is answering.

    Args:
        body: The whole of it, unless it is a stream that was asked for.
    """

    head: UpstreamHead
    target: TargetSettings
    body: bytes = b""

    @property
    def is_stream(self) -> bool:
        """It answers with events."""
        media_type = self.header("content-type").partition(";")[0].strip().lower()
        return media_type == framing_of(self.target.format).media_type

    def header(self, name: str) -> str:
        """The value of a field; empty when there is none."""
        return next((value for key, value in self.head.headers if key.lower() == name), "")


def read_all(notes: Notes, limit: int) -> Flow[bytes]:
    """
    The whole body of the answer.

    Raises:
        UpstreamGarbledError: It is larger than `limit` bytes.
        UpstreamError: It was not received whole.
    """
    pieces: list[bytes] = []
    size = 0
    began = notes.clock()
    try:
        while data := (yield from ReadUpstream()):
            size += len(data)
            if size > limit:
                yield from CloseUpstream()
                raise UpstreamGarbledError(f"the provider's answer exceeds {limit} bytes")
            pieces.append(data)
    finally:
        notes.waited_ns += notes.clock() - began
    return b"".join(pieces)


def answer_limit(policy: CompiledPolicy) -> int:
    """Most bytes of an answer that is held whole."""
    return policy.size_limits.max_response_bytes or MAX_ANSWER_BYTES


def body_for(dialect: Dialect, target: TargetSettings, request: ModelRequest, said: Judgement) -> bytes:
    """
    The bytes for this target: those that came, but for what the policies and the target's model change.

    Raises:
        UnreadableError: They cannot be said in the target's format.
    """
    changes: dict[Place, object] = dict(said.changed)
    if (
        request.max_tokens_key
        and said.max_tokens is not None
        and (request.max_tokens is None or request.max_tokens > said.max_tokens)
    ):
        changes[_cap_key(dialect, target, request),] = said.max_tokens
    if target.target.model and target.target.model != request.model:
        changes["model",] = target.target.model
    body = splice(request.raw, changes)
    if said.instructions:
        body = instructed(body, dialect.name, "\n\n".join(said.instructions))
    bridge = bridge_to(dialect, target.format, target.target.provider)
    if bridge is None:
        return body
    said_anew = bridge.request(body)
    return fitted(said_anew, target.target.provider)


def _cap_key(dialect: Dialect, target: TargetSettings, request: ModelRequest) -> str:
    """OpenAI's own models take `max_completion_tokens`, the newer ones nothing else; of others few know that name."""
    if dialect is CHAT and request.max_tokens_key not in request.document and target.target.provider in NEW_CAP:
        return "max_completion_tokens"
    return request.max_tokens_key


def failure(failed: UpstreamError) -> Refusal:
    """What the client is told of a provider that failed."""
    if isinstance(failed, UpstreamTimeoutError):
        return Refusal(504, "upstream_error", "upstream_timeout", "the provider did not answer in time; try again")
    if isinstance(failed, UpstreamGarbledError):
        return Refusal(502, "upstream_error", failed.code, "the provider sent what cannot be read")
    if isinstance(failed, UpstreamLostError):
        return Refusal(502, "upstream_error", failed.code, "the provider stopped in the middle of its answer")
    if isinstance(failed, CircuitOpenError):
        message = "the provider keeps failing and is left alone for a while; try again"
        wait = str(max(1, ceil(failed.wait_seconds)))
        return Refusal(503, "upstream_error", failed.code, message, None, (("retry-after", wait),))
    if failed.code == "credential_missing":
        message = "the gateway has no key for this provider; who runs it sees in its log which one is missing"
        return Refusal(502, "upstream_error", failed.code, message)
    return Refusal(502, "upstream_error", failed.code, "the provider cannot be reached; try again")


def refusal_of(opened: Opened) -> Refusal:
    """What the client is told of a provider's own refusal (status 400 and above)."""
    status = opened.head.status
    if status == 429:
        wait = opened.header("retry-after")
        headers: Headers = (("retry-after", wait),) if wait.isdigit() else ()
        return Refusal(429, "rate_limit", "upstream_rate_limit", "the provider's rate limit is reached", None, headers)
    if status in {401, 403}:
        return Refusal(
            502, "upstream_error", "upstream_credential", "the provider refused the credential of this target"
        )
    if status == MODEL_LATE:
        return failure(UpstreamTimeoutError("the model took too long"))
    if status >= 500 or status == MODEL_FAILED:
        return Refusal(502, "upstream_error", "upstream_error", f"the provider failed with status {status}")
    named = named_by(opened.body, opened.header("x-amzn-errortype"))
    told = f": {named}" if named else ""
    return Refusal(status, "upstream_error", "upstream_refused", f"the provider refused with status {status}{told}")


def path_of(notes: Notes, target: TargetSettings) -> str:
    """Where the target is asked. Its `path_template` is that of its format's own API for conversations."""
    dialect = notes.dialect
    if target.format == "bedrock":
        model = target.target.model or notes.model or ""
        action = _ACTIONS.get(dialect.name, "converse-stream" if notes.streamed else "converse")
        return bedrock.path(model, action)
    main = MESSAGES if target.format == "anthropic" else CHAT
    asked = dialect if is_native(dialect, target.format, target.target.provider) else main
    if target.path_template is not None and asked is main:
        return target.path_template.replace("{model}", target.target.model)
    path = target.api_prefix + asked.path.removeprefix("/v1")
    return f"{path}?{target.api_query}" if target.api_query else path


def forwarded_to(target: TargetSettings, notes: Notes) -> Headers:
    """The client's own fields that go on to this target, and what its format needs."""
    # A caller's credential is meant for the provider it knows, the first of the document: no other one is shown it.
    first = target.target.id == notes.snapshot.policy.targets[0].target.id
    native = target.format == "anthropic" and notes.dialect.spoken == "anthropic"
    names = _FORWARDED | _ANTHROPIC if native else _SIGNED if target.format == "bedrock" else _FORWARDED
    names = names if first else names - _CREDENTIALS
    own = tuple((name, value) for name, value in notes.arrival.headers if name in names)
    said = any(name == "anthropic-version" for name, _ in own)
    version: Headers = (("anthropic-version", VERSION),) if target.format == "anthropic" and not said else ()
    return (*own, ("content-type", "application/json"), *version)
