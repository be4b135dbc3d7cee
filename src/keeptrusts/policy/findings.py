"""What lint says of a document: findings with a place, and the report that holds them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from keeptrusts.core.errors import InputError

Severity: TypeAlias = Literal["error", "warning"]

TITLES = {
    "E000": "the file is not YAML that can be read",
    "E001": "unknown policy kind",
    "E002": "unknown key",
    "E003": "wrong type or value",
    "E004": "a required key is missing",
    "E005": "duplicate id or key",
    "E006": "a reference to something that does not exist",
    "E007": "unsafe or invalid regular expression",
    "E008": "a secret stands in the document",
    "E009": "cannot be enforced as configured",
    "E010": "older shape of the document",
    "W001": "chain entry without a block",
    "W002": "block whose kind is not in the chain",
    "W003": "a rule that never applies",
    "W004": "weaker than the base",
}
"""Code -> what it stands for."""


def severity_of(code: str) -> Severity:
    """`E...` is an error, `W...` a warning."""
    return "warning" if code.startswith("W") else "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One fault of a document.

    Args:
        path: Dotted, with indices: `providers.targets[0].id`; empty means the document.
        line: From 1; like `column`.
        suggestion: What to write instead: a whole phrase, or empty.
    """

    code: str
    path: str
    line: int
    column: int
    message: str
    suggestion: str = ""
    severity: Severity = "error"

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, every field present."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Report:
    """
    Everything lint found, in the order of the document.

    Args:
        pack: `name` and `version` of the pack; None when they could not be read.
        chain: The kinds named in `policies.chain`, as far as they could be read.
    """

    pack: dict[str, str] | None = None
    chain: tuple[str, ...] = ()
    errors: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()

    @property
    def valid(self) -> bool:
        """Warnings do not make a document invalid."""
        return not self.errors

    def as_json(self, file: str) -> dict[str, Any]:
        """What `kt policy lint --format json` prints."""
        return {
            "valid": self.valid,
            "file": file,
            "pack": self.pack,
            "chain": list(self.chain),
            "policy_count": len(self.chain),
            "errors": [finding.as_json() for finding in self.errors],
            "warnings": [finding.as_json() for finding in self.warnings],
        }


class InvalidPolicyError(InputError):
    """A document that does not lint. `findings` are its errors, in the order of the document; at least one."""

    code = "invalid_policy"

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        first, more = self.findings[0], len(self.findings) - 1
        place = f" at `{first.path}`" if first.path else ""
        rest = f" (and {more} more)" if more else ""
        super().__init__(f"{first.code}{place}: {first.message}{rest}")
