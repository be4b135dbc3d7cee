"""The shape of SARIF 2.1.0 (OASIS, 27 March 2020) as far as a linter uses it: names, types and what is required."""

from __future__ import annotations

from typing import Any, Final


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


_MESSAGE: Final = _object(["text"], text={"type": "string", "minLength": 1})
_COUNT: Final = {"type": "integer", "minimum": 1}
_REGION: Final = _object(["startLine"], startLine=_COUNT, startColumn=_COUNT, endLine=_COUNT, endColumn=_COUNT)
_URI: Final = {"type": "string", "pattern": "^[A-Za-z0-9._~/%-]+$"}
_PLACE: Final = _object(["artifactLocation"], artifactLocation=_object(["uri"], uri=_URI), region=_REGION)
_RULE: Final = _object(["id"], id={"type": "string"}, shortDescription=_MESSAGE)
_RULES: Final = {"type": "array", "items": _RULE, "uniqueItems": True}
_DRIVER: Final = _object(["name"], name={"type": "string"}, version={"type": "string"}, rules=_RULES)
_RESULT: Final = _object(
    ["message"],
    ruleId={"type": "string"},
    ruleIndex={"type": "integer", "minimum": 0},
    level={"enum": ["none", "note", "warning", "error"]},
    message=_MESSAGE,
    locations={"type": "array", "items": _object([], physicalLocation=_PLACE)},
)
_RUN: Final = _object(
    ["tool"],
    tool=_object(["driver"], driver=_DRIVER),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results={"type": "array", "items": _RESULT},
)
SARIF: Final = _object(
    ["version", "runs"],
    **{"$schema": {"type": "string"}},
    version={"const": "2.1.0"},
    runs={"type": "array", "items": _RUN},
)
"""Our own reading, stricter where the standard lets more pass: nothing is said that it does not name."""
