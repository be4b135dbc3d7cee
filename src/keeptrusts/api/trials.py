"""`POST /v1/configurations/{id}/try`: what a document says of one prompt, and of an answer to it."""

from __future__ import annotations

from typing import Annotated, Final, Literal, NotRequired

from annotated_types import MaxLen, MinLen
from typing_extensions import TypedDict

from keeptrusts.api.forbid import FORBID
from keeptrusts.api.names import Number

MAX_TRIED_CHARS: Final = 32_000

Tried = Annotated[str, MinLen(1), MaxLen(MAX_TRIED_CHARS)]
Fields = Annotated[
    dict[Annotated[str, MinLen(1), MaxLen(100)], Annotated[str, MaxLen(1000)]],
    MaxLen(20),
]


class TrialDraft(TypedDict):
    """
    `prompt` is what a user says, `answer` what a model might say; without one only the request is judged.

    The document is `policy_yaml`, or that of `version`, or the one now current. `headers`: of the request, such as
    `x-user-id`; `model`: the first that the document serves when absent.
    """

    __pydantic_config__ = FORBID  # type: ignore[misc]
    prompt: Tried
    answer: NotRequired[Tried]
    version: NotRequired[Number]
    policy_yaml: NotRequired[str]
    stream: NotRequired[bool]
    model: NotRequired[Annotated[str, MinLen(1), MaxLen(200)]]
    headers: NotRequired[Fields]


class Found(TypedDict):
    """What was found, and how often; never the text."""

    category: str
    count: int


class TrialResult(TypedDict):
    """What one kind said in one phase, as in a record. `skipped`: an earlier one had blocked."""

    kind: str
    phase: str
    verdict: str
    reason_code: str
    mode: str
    latency_us: int
    findings: list[Found]


class Differing(TypedDict):
    """Something that a gateway may judge otherwise, and why. `kind` is null where it is no kind's."""

    kind: str | None
    reason: Literal["services", "counts", "limits", "share"]
    description: str


class Trial(TypedDict):
    """
    `version` is null when the document was sent along.

    `prompt`: as the provider receives it, null when it is sent to nobody; `answer`: as the client reads it, null when
    none is let through or none was given. `instructions`: what the provider is told before the prompt.
    `shadow_verdict`: with the kinds in shadow enforced; null when there is none.
    """

    version: int | None
    content_digest: str
    verdict: str
    reason_code: str
    phase: str | None
    shadow_verdict: str | None
    prompt: str | None
    answer: str | None
    instructions: list[str]
    policies: list[TrialResult]
    not_as_served: list[Differing]
