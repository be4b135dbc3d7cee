"""Reaching a provider: which targets may serve, in which order, what they are sent, and what their failures mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from keeptrusts.core.errors import UpstreamError, UpstreamGarbledError, UpstreamLostError, UpstreamTimeoutError
from keeptrusts.core.exchange import Place
from keeptrusts.flow.decisions import Notes
from keeptrusts.flow.effects import CloseUpstream, Flow, Headers, OpenUpstream, ReadUpstream, UpstreamHead
from keeptrusts.flow.replies import Refusal
from keeptrusts.policy.compiled import CompiledPolicy, TargetSettings, Trigger
from keeptrusts.policy.engine import Judgement
from keeptrusts.wire.anthropic import PATH, VERSION, request_to_messages
from keeptrusts.wire.readings import ModelRequest
from keeptrusts.wire.strict_json import splice

CHAT_PATH: Final = "/v1/chat/completions"
MAX_ERROR_BYTES: Final = 256 * 1024
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
"""Held for a whole answer when the document sets no limit of its own."""

_FORWARDED: Final = frozenset(
    {"authorization", "openai-organization", "openai-project", "openai-beta", "user-agent", "idempotency-key", "accept"}
)
_CREDENTIALS: Final = frozenset({"authorization", "openai-organization", "openai-project"})


@dataclass(frozen=True, slots=True)
class Opened:
    """A provider that is answering."""

    head: UpstreamHead
    target: TargetSettings

    @property
    def is_stream(self) -> bool:
        """It answers with events."""
        return self.header("content-type").partition(";")[0].strip().lower() == "text/event-stream"

    def header(self, name: str) -> str:
        """The value of a field; empty when there is none."""
        return next((value for key, value in self.head.headers if key.lower() == name), "")


def open_upstream(
    notes: Notes, targets: list[TargetSettings], request: ModelRequest, said: Judgement
) -> Flow[Opened | Refusal]:
    """Ask the targets in order until one answers; further ones only as `providers.fallback` says."""
    policy = notes.snapshot.policy
    tries = targets[: 1 + policy.fallback.max_attempts] if policy.fallback.enabled else targets[:1]
    outcome: Opened | Refusal = Refusal(
        503, "no_compliant_provider", "no_compliant_provider", "no target may serve this"
    )
    for position, target in enumerate(tries):
        notes.target = target
        began = notes.clock()
        try:
            head = yield from OpenUpstream(
                target.target, _path(target), body_for(target, request, said), _kept(notes, target)
            )
            outcome, trigger = Opened(head, target), _trigger_of(head.status)
        except UpstreamError as failed:
            outcome, trigger = failure(failed), _trigger_of_error(failed)
        finally:
            notes.waited_ns += notes.clock() - began
        last = position == len(tries) - 1
        if trigger is None or last or trigger not in policy.fallback.triggers:
            break
        yield from CloseUpstream()
    return outcome


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


def body_for(target: TargetSettings, request: ModelRequest, said: Judgement) -> bytes:
    """The bytes for this target: those that came, but for what the policies and the target's model change."""
    changes: dict[Place, object] = dict(said.changed)
    if said.max_tokens is not None and (request.max_tokens is None or request.max_tokens > said.max_tokens):
        changes[_cap_key(target, request),] = said.max_tokens
    if target.target.model and target.target.model != request.model:
        changes["model",] = target.target.model
    body = splice(request.raw, changes)
    return request_to_messages(body) if target.format == "anthropic" else body


def _cap_key(target: TargetSettings, request: ModelRequest) -> str:
    """OpenAI's own models take `max_completion_tokens`, the newer ones nothing else; of others few know that name."""
    if request.max_tokens_key not in request.document and target.target.provider == "openai":
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
    if status >= 500:
        return Refusal(502, "upstream_error", "upstream_error", f"the provider failed with status {status}")
    return Refusal(status, "upstream_error", "upstream_refused", f"the provider refused with status {status}")


def _path(target: TargetSettings) -> str:
    template = target.path_template
    if template is not None:
        return template.replace("{model}", target.target.model)
    return PATH if target.format == "anthropic" else CHAT_PATH


def _kept(notes: Notes, target: TargetSettings) -> Headers:
    # A caller's credential is meant for the provider it knows, the first of the document: no other one is shown it.
    first = target.target.id == notes.snapshot.policy.targets[0].target.id
    names = _FORWARDED if first else _FORWARDED - _CREDENTIALS
    own = tuple((name, value) for name, value in notes.arrival.headers if name in names)
    version: Headers = (("anthropic-version", VERSION),) if target.format == "anthropic" else ()
    return (*own, ("content-type", "application/json"), *version)


def _trigger_of(status: int) -> Trigger | None:
    if status == 429:
        return "rate_limit"
    return "server_error" if status >= 500 else None


def _trigger_of_error(failed: UpstreamError) -> Trigger:
    return "timeout" if isinstance(failed, UpstreamTimeoutError) else "connection"
