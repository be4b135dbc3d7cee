"""`/v1/configurations`: policy documents and their immutable versions."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from annotated_types import MaxLen
from typing_extensions import TypedDict

from keeptrusts.api.forbid import FORBID
from keeptrusts.api.names import Description, Labels, ManagedBy, Name, Number
from keeptrusts.api.problem import ProblemItem


class ConfigurationDraft(TypedDict):
    """POST. `policy_yaml` must lint, else 422 whose `errors[]` are the findings."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    name: Name
    policy_yaml: str
    description: NotRequired[Description | None]
    labels: NotRequired[Labels]
    message: NotRequired[Annotated[str, MaxLen(2000)] | None]
    managed_by: NotRequired[ManagedBy]


class ConfigurationPatch(TypedDict, total=False):
    """PATCH. A changed `policy_yaml` is a new version; the same digest is not."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    name: Name
    policy_yaml: str
    description: Description | None
    labels: Labels | None
    message: Annotated[str, MaxLen(2000)] | None
    managed_by: ManagedBy


class Configuration(TypedDict):
    """Times are RFC 3339 in UTC. `content_digest`: over the canonical form of the document with its defaults."""

    id: str
    name: str
    description: str | None
    labels: dict[str, str]
    policy_yaml: str
    version: int
    content_digest: str
    policy_kinds: list[str]
    managed_by: ManagedBy
    created_at: str
    updated_at: str
    updated_by: str


class VersionDraft(TypedDict):
    """POST .../versions."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    policy_yaml: str
    message: NotRequired[Annotated[str, MaxLen(2000)] | None]


class ConfigurationVersion(TypedDict):
    """One version; never changed."""

    id: str
    configuration_id: str
    version: int
    policy_yaml: str
    content_digest: str
    message: str | None
    author: str
    created_at: str


class SemanticChange(TypedDict):
    """
    One difference in what two documents mean, as `kt policy diff --format json` prints it.

    `before` and `after` are null when there was nothing, and when the value is secret.
    """

    path: str
    change: Literal["changed", "added", "removed", "reordered"]
    effect: Literal["strengthens", "weakens", "neutral"]
    before: Any
    after: Any
    secret: bool
    reason: str


VersionDiff = TypedDict(
    "VersionDiff",
    {
        "from": int,
        "to": int,
        "text": str,
        "same": bool | None,
        "strengthens": int,
        "weakens": int,
        "neutral": int,
        "changes": list[SemanticChange] | None,
    },
)
"""
What changed between two versions: `text` line by line, the others by meaning.

`same` and `changes` are null when one of the two does not lint any more, so that its meaning cannot be told.
"""


class DiffDraft(TypedDict):
    """POST .../diff: a document that might come."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    policy_yaml: str


class CandidateDiff(TypedDict):
    """
    What a document that might come changes of the current `version`, as `VersionDiff` says it.

    `text` is null when one of the two is too long to be compared line by line (2,000 lines).
    """

    version: int
    text: str | None
    same: bool | None
    strengthens: int
    weakens: int
    neutral: int
    changes: list[SemanticChange] | None


class Rollback(TypedDict):
    """POST .../rollback: this version becomes a new one."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    version: Number


class ValidationDraft(TypedDict):
    """POST /v1/configurations/validate: lint only."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    policy_yaml: str


class Validation(TypedDict):
    """What `kt policy lint --format json` says, over REST."""

    valid: bool
    pack: dict[str, str] | None
    chain: list[str]
    policy_count: int
    errors: list[ProblemItem]
    warnings: list[ProblemItem]
