"""Which kinds there are. A kind's module is imported when a document names it."""

from __future__ import annotations

from importlib import import_module
from typing import Final, cast

from keeptrusts.policy.kind import Policy, code_prefix

KINDS: Final = (
    "prompt-injection",
    "pii-detector",
    "secret-scanner",
    "dlp-filter",
    "topic-filter",
    "token-limit",
    "rbac",
    "agent-firewall",
    "data-routing-policy",
    "human-oversight",
    "safety-filter",
    "itar-ear-filter",
    "dual-use-filter",
    "entity-list-filter",
    "mnpi-filter",
    "legal-privilege",
    "financial-compliance",
    "healthcare-compliance",
    "upl-filter",
    "eu-ai-act",
    "external-moderation",
    "embedding-detector",
    "tool-security",
    "gdpr-compliance",
    "content-extractor",
    "flagged-review",
    "quality-scorer",
    "citation-verifier",
    "hipaa-phi-detector",
    "case-privacy",
    "student-privacy",
    "code-sanitizer",
    "language-validator",
    "cjis-mode",
    "request-rewriter",
    "response-rewriter",
    "tool-validation",
    "bias-monitor",
    "bot-detector",
    "tool-budget",
    "document-analyzer",
    "audit-logger",
)
"""The kinds that this version enforces."""

ALIASES: Final = {"code-sanitation": "code-sanitizer"}
"""Other names of kinds."""


def load_kind(kind: str) -> type[Policy]:
    """The class of one of `KINDS`."""
    if kind not in KINDS:
        raise KeyError(kind)
    module = import_module(f"keeptrusts.policy.kinds.{code_prefix(kind)}")
    name = "".join(word.capitalize() for word in kind.split("-"))
    return cast("type[Policy]", getattr(module, name))
