"""The door to `policy`: nothing is stored that does not lint."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict, cast

from keeptrusts.api.configurations import SemanticChange, Validation
from keeptrusts.api.limits import MAX_POLICY_BYTES
from keeptrusts.api.problem import ProblemItem
from keeptrusts.control.problem import ProblemError, require_unicode
from keeptrusts.policy.findings import Finding
from keeptrusts.store.configurations import PolicyText

if TYPE_CHECKING:
    from keeptrusts.policy.compiled import CompiledPolicy
    from keeptrusts.policy.destinations import Destination

FIELD = "policy_yaml"
_MOST_LINES = 2000


def read_policy(policy_yaml: str, hosts: Mapping[str, Sequence[str] | None]) -> PolicyText:
    """
    The document and what it means.

    Args:
        hosts: Where each stored secret may be sent, by its name (`store.variables.allowed_hosts`).

    Raises:
        ProblemError: 422 `invalid_policy`, with every finding of lint; 422 `policy_too_large`; 422
            `secret_host_refused`, a stored secret would be sent where it may not go.
    """
    compiled = compile_policy(policy_yaml)
    refused = misdirected(policy_yaml, hosts)
    if refused:
        detail = "a stored secret may not be sent there: name the host with `kt secret set NAME --allow-host HOST`"
        items = [_misdirected(one) for one in refused]
        raise ProblemError(422, "secret_host_refused", detail, errors=items)
    return PolicyText(policy_yaml, compiled.digest, compiled.kinds)


def compile_policy(policy_yaml: str) -> CompiledPolicy:
    """The document as it would be enforced. Raises as `read_policy` does."""
    from keeptrusts.policy.document import compile_document
    from keeptrusts.policy.findings import InvalidPolicyError

    _bound(policy_yaml)
    try:
        return compile_document(policy_yaml)
    except InvalidPolicyError as invalid:
        faults = _items(invalid.findings)
        detail = f"the policy document has {len(faults)} errors; see `errors`, or run `kt policy lint --file FILE`"
        raise ProblemError(422, "invalid_policy", detail, errors=faults) from None


def misdirected(policy_yaml: str, hosts: Mapping[str, Sequence[str] | None]) -> list[Destination]:
    """Where a document that lints would send stored secrets that may not go there."""
    from keeptrusts.policy.destinations import destinations, may_go

    named = [one for one in destinations(policy_yaml) if one.secret in hosts]
    return [one for one in named if not may_go(one.url, hosts[one.secret])]


def _misdirected(one: Destination) -> ProblemItem:
    message = f"the secret `{one.secret}` may not be sent to this host"
    return {"path": f"{FIELD}.{one.path}", "code": "secret_host_refused", "message": message}


def named_variables(policy_yaml: str) -> frozenset[str]:
    """Names of the config variables that a stored document takes secrets from; none when it does not lint any more."""
    from keeptrusts.policy.document import compile_document
    from keeptrusts.policy.findings import InvalidPolicyError

    try:
        return compile_document(policy_yaml).stored_secrets()
    except InvalidPolicyError:
        return frozenset()


def kept_hours(policy_yaml: str) -> int | None:
    """How long a stored document has events kept; None when it does not lint any more: nothing is deleted then."""
    from keeptrusts.policy.document import compile_document
    from keeptrusts.policy.findings import InvalidPolicyError

    try:
        return compile_document(policy_yaml).audit.retention_hours
    except InvalidPolicyError:
        return None


def validate(policy_yaml: str) -> Validation:
    """What lint says of it. Paths are those of the document itself."""
    from keeptrusts.policy.lint import lint_document

    _bound(policy_yaml)
    report = lint_document(policy_yaml)
    return {
        "valid": report.valid,
        "pack": report.pack,
        "chain": list(report.chain),
        "policy_count": len(report.chain),
        "errors": _items(report.errors),
        "warnings": _items(report.warnings),
    }


class Meaning(TypedDict):
    """What a `VersionDiff` says beside the lines."""

    same: bool | None
    strengthens: int
    weakens: int
    neutral: int
    changes: list[SemanticChange] | None


def compare(before: str, after: str) -> Meaning:
    """What changed between two stored documents, by meaning; nothing is told of one that does not lint any more."""
    from keeptrusts.policy.diff import diff_documents
    from keeptrusts.policy.findings import InvalidPolicyError

    try:
        found = diff_documents(before, after)
    except InvalidPolicyError:
        return {"same": None, "strengthens": 0, "weakens": 0, "neutral": 0, "changes": None}
    effects = [change.effect for change in found]
    return {
        "same": not found,
        "strengthens": effects.count("strengthens"),
        "weakens": effects.count("weakens"),
        "neutral": effects.count("neutral"),
        "changes": [cast("SemanticChange", change.as_json()) for change in found],
    }


def compare_candidate(current: str, candidate: str) -> tuple[str | None, Meaning]:
    """
    What a document that might come changes, by lines and by meaning; it need not lint.

    Whoever may read may ask, so that the lines are left out where comparing them could take long.
    """
    _bound(candidate)
    old, new = current.splitlines(), candidate.splitlines()
    lines = None
    if max(len(old), len(new)) <= _MOST_LINES:
        lines = "\n".join(difflib.unified_diff(old, new, "current", "candidate", lineterm=""))
    return lines, compare(current, candidate)


def _bound(policy_yaml: str) -> None:
    require_unicode(policy_yaml)
    if len(policy_yaml.encode("utf-8")) > MAX_POLICY_BYTES:
        item: ProblemItem = {"path": FIELD, "code": "too_long", "message": f"it may have {MAX_POLICY_BYTES} bytes"}
        raise ProblemError(422, "policy_too_large", "the policy document is too large", errors=[item])


def _items(findings: Iterable[Finding]) -> list[ProblemItem]:
    return [_item(finding) for finding in findings]


def _item(finding: Finding) -> ProblemItem:
    return {
        "path": f"{FIELD}.{finding.path}" if finding.path else FIELD,
        "code": finding.code,
        "message": finding.message,
        "line": finding.line,
        "column": finding.column,
        "suggestion": finding.suggestion or None,
    }
