"""Documents that are written to keep lint busy: a megabyte of anything is looked at in seconds."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from keeptrusts.policy.lint import lint_document

MOST_SECONDS = 20
"""Of CPU; each takes about one, and took minutes when it was quadratic."""
NAMES = [f"name-{number}" for number in range(4000)]


def document(blocks: Mapping[str, Any], **sections: Any) -> str:
    pack = {"name": "x", "version": "1.0.0", "enabled": True}
    whole = {"pack": pack, "policies": {"chain": list(blocks)}, "policy": blocks}
    return json.dumps(whole | sections)


def groups(*, targets: list[str], **more: Any) -> str:
    following = dict(zip(NAMES, [*NAMES[1:], NAMES[0]], strict=True))
    made = [
        {"name": name, "targets": [f"{more.get('said', '')}{targets[0]}"], "fallback_group": following[name]}
        for name in NAMES
    ]
    providers = {"targets": [{"id": one, "provider": "mock"} for one in targets], "fallback": {"enabled": True}}
    return document({"audit-logger": {}}, providers=providers, model_groups=made)


DOCUMENTS = {
    "many keys": (document({"audit-logger": {}}, **{f"key-{number}": 1 for number in range(40_000)}), "E002"),
    "a ring of groups": (groups(targets=["a"]), "E006"),
    "targets that do not exist": (groups(targets=NAMES, said="no-"), "E006"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_large_document_is_looked_at_in_bounded_time(name: str) -> None:
    """Its size alone does not make it slow, and what is said of it is bounded."""
    text, code = DOCUMENTS[name]
    started = time.process_time()
    report = lint_document(text)
    spent = time.process_time() - started

    assert {finding.code for finding in report.errors} == {code}
    assert len(report.errors) <= 1001
    assert max((len(finding.suggestion) for finding in report.errors), default=0) < 3000
    assert spent < MOST_SECONDS


def test_a_loop_of_groups_is_named_and_what_leads_into_it_is_not() -> None:
    """Only the groups whose fallbacks lead back to themselves are wrong."""
    following = {"a": "b", "b": "c", "c": "b", "d": "d", "e": None}
    providers = {"targets": [{"id": "t", "provider": "mock"}], "fallback": {"enabled": True}}
    made = [
        {"name": name, "targets": ["t"]} | ({"fallback_group": then} if then else {})
        for name, then in following.items()
    ]
    report = lint_document(document({"audit-logger": {}}, providers=providers, model_groups=made))

    assert [finding.path for finding in report.errors] == [
        f"model_groups[{index}].fallback_group" for index in (1, 2, 3)
    ]


def test_patterns_share_the_room_of_the_document() -> None:
    """One that fits by itself is refused where those before it took the room, and the finding says so."""
    wide = "[a-z]{1,900}"
    report = lint_document(document({"dlp-filter": {"detect_patterns": [f"w{one}{wide}" for one in range(700)]}}))

    assert report.errors[0].message == "the patterns of the document are too large together"
    assert report.errors[0].path.startswith("policy.dlp-filter.detect_patterns[")


def test_patterns_in_schemas_of_tools_share_it_too() -> None:
    """Those of values and those of names, however deep; what is refused is not compiled."""
    few, many = ([f"w{one}[a-z]{{1,900}}" for one in range(number)] for number in (50, 1100))
    named: dict[str, Any] = {"properties": {"x": {"patternProperties": dict.fromkeys(few, True)}}}
    listed: dict[str, Any] = {"items": {"anyOf": [{"pattern": one} for one in many]}}
    sound = document({"tool-validation": {"schemas": {"a": named}}})
    full = document({"tool-validation": {"schemas": {"a": named, "b": listed}}})

    assert lint_document(sound).errors == ()
    (found,) = lint_document(full).errors
    assert (found.code, found.path) == ("E007", "policy.tool-validation.schemas.b")
