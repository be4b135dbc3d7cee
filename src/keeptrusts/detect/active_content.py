"""What runs when a document is opened: scripts, embedded objects, macros and formulas that reach outside."""

from __future__ import annotations

from functools import cache
from typing import Final

from keeptrusts.detect.fold import view
from keeptrusts.detect.scan import WORD, Hit, Rule, RuleSet

_NOTHING: Final[frozenset[str]] = frozenset()
_RULES: Final = (
    Rule("script", r"<script[^>]{0,300}>", before=_NOTHING, after=_NOTHING, caseless=True),
    Rule("script", r"</script {0,4}>", before=_NOTHING, after=_NOTHING, caseless=True),
    Rule("script", r"<\?(?:php|=)", before=_NOTHING, after=_NOTHING, caseless=True),
    Rule("script_url", r"(?:javascript|vbscript):", after=_NOTHING, caseless=True),
    Rule("script_url", r"data:text/html", after=_NOTHING, caseless=True),
    Rule(
        "event_handler",
        r"\son[a-z]{3,20} {0,4}= {0,4}[\"'][^\"'\n]{0,300}[\"']?",
        before=_NOTHING,
        after=_NOTHING,
        caseless=True,
    ),
    Rule(
        "embedded_object",
        r"<(?:iframe|object|embed|applet)[^>]{0,300}>",
        before=_NOTHING,
        after=_NOTHING,
        caseless=True,
    ),
    Rule(
        "macro",
        r"(?:auto_?(?:open|exec|close)|document_?open|workbook_?open) {0,2}\(\)|createobject {0,2}\(|wscript\.shell",
        before=WORD,
        after=_NOTHING,
        caseless=True,
    ),
    Rule(
        "formula",
        r"[=+@-](?:cmd|dde|hyperlink|importxml|importdata|importhtml|webservice|rtd|call)[|(]",
        after=_NOTHING,
        caseless=True,
    ),
)


@cache
def _rules() -> RuleSet:
    return RuleSet(_RULES)


def find_active_content(text: str) -> list[Hit]:
    """Where something would run."""
    return _rules().find(view(text))
