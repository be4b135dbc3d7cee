"""What is remembered of documents and requests without a finding, and when it is not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from keeptrusts.terraform import policy_text, sound
from keeptrusts.terraform.diagnostics import Diagnostics
from keeptrusts.terraform.plugin.messages import REQUESTS, SERVICE
from keeptrusts.terraform.plugin.values import UNKNOWN
from keeptrusts.terraform.provider import Provider
from keeptrusts.terraform.sound import FILE, MOST_BYTES, SIZE, Sound, as_remembered
from support.terraform import POLICY

RULES = bytes(SIZE)


def test_the_next_process_knows(tmp_path: Path) -> None:
    """A text by its bytes: another text, and another provider, are not known."""
    assert POLICY not in Sound(RULES, str(tmp_path))
    Sound(RULES, str(tmp_path)).add(POLICY)
    Sound(RULES, str(tmp_path)).add(POLICY)
    assert (tmp_path / FILE).stat().st_size == SIZE
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    later = Sound(RULES, str(tmp_path))
    assert POLICY in later
    assert POLICY + " " not in later
    assert POLICY not in Sound(b"1" * SIZE, str(tmp_path))


def test_a_document_is_no_request(tmp_path: Path) -> None:
    """The same letters are remembered as what they were; and whether anything is remembered can be asked."""
    assert not Sound(RULES, str(tmp_path))
    Sound(RULES, str(tmp_path)).add("a")
    later = Sound(RULES, str(tmp_path))
    assert later
    assert "a" in later
    assert b"a" not in later
    later.add(b"a")
    assert b"a" in Sound(RULES, str(tmp_path))


def test_where_there_is_no_folder(tmp_path: Path) -> None:
    """Without Terraform's folder, and in a source tree, nothing is written and all goes on."""
    for texts in (Sound(RULES, str(tmp_path / "none")), Sound(None, str(tmp_path))):
        texts.add(POLICY)
    assert list(tmp_path.iterdir()) == []
    assert POLICY not in Sound(RULES, str(tmp_path / "none"))


def test_a_damaged_file(tmp_path: Path) -> None:
    """Half a digest and foreign bytes hide nothing: what is not known is linted."""
    (tmp_path / FILE).write_bytes(b"#" * (SIZE + 5))
    texts = Sound(RULES, str(tmp_path))
    assert POLICY not in texts
    texts.add(POLICY)
    assert POLICY in texts


def test_it_does_not_grow_for_ever(tmp_path: Path) -> None:
    """When it is full it begins anew."""
    (tmp_path / FILE).write_bytes(bytes(range(256)) * (MOST_BYTES // 256))
    for number in range(MOST_BYTES // SIZE):
        Sound(RULES, str(tmp_path)).add(str(number))
    assert (tmp_path / FILE).stat().st_size <= MOST_BYTES


def test_only_what_has_no_finding_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error and a warning are told each time; the sound one is not linted twice."""
    monkeypatch.setattr(policy_text, "_sound", lambda: Sound(RULES, str(tmp_path)))
    warned = POLICY.replace("  audit-logger: {}\n", "  audit-logger: {}\nunused: {}\n")
    for text in (POLICY.replace("mock", "nobody"), warned, POLICY):
        told = []
        for _ in range(2):
            diagnostics = Diagnostics()
            policy_text.lint(text, diagnostics)
            told.append(diagnostics.as_messages())
        assert told[0] == told[1]
        assert bool(told[0]) == (text is not POLICY)
    assert (tmp_path / FILE).stat().st_size == SIZE


def test_a_source_tree_remembers_nothing() -> None:
    """Its linter may be another at the next start."""
    assert not Path(sound.__file__).with_name(sound.SOURCES_FILE).exists()
    assert POLICY not in sound.of_this_provider()


def message(method: str, request: Mapping[str, Any]) -> tuple[str, bytes]:
    return SERVICE + method, REQUESTS[method].encode(request)


def resource(kind: str, **config: Any) -> tuple[str, bytes]:
    return message("ValidateResourceConfig", {"type_name": f"keeptrusts_{kind}", "config": config})


WEBHOOK = {"url": "https://example.com/hook", "event_types": ["event.*"]}
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The example of the Standard Webhooks specification."""
CALLS = {
    "a document": (resource("configuration", name="a", policy_yaml=POLICY), True),
    "a webhook": (resource("webhook", **WEBHOOK), True),
    "a webhook with a secret": (resource("webhook", **WEBHOOK, secret=SECRET), False),
    "a secret that is not known yet": (resource("webhook", **WEBHOOK, secret=UNKNOWN), True),
    "an argument that is wrong": (resource("configuration", name="", policy_yaml=POLICY), False),
    "a data source": (message("ValidateDataResourceConfig", {"type_name": "keeptrusts_drift", "config": {}}), True),
    "the provider": (message("ValidateProviderConfig", {"config": {"api_url": "https://example.com"}}), True),
    "the provider with its key": (message("ValidateProviderConfig", {"config": {"api_key": "kt_key_1_2"}}), False),
    "no validation": (message("GetFunctions", {}), False),
}


@pytest.mark.parametrize("case", CALLS)
def test_which_requests_are_remembered(case: str, tmp_path: Path) -> None:
    """Those with nothing to be told and no secret; a digest of a short secret would give it away."""
    call, remembered = CALLS[case]
    sound = Sound(RULES, str(tmp_path))
    answer = Provider({}, sound).handle(*call)
    assert (as_remembered(*call) in Sound(RULES, str(tmp_path))) == remembered
    assert not (remembered and answer)


def test_a_configured_provider_remembers_no_request(tmp_path: Path) -> None:
    """It leaves documents to the plan, so it has not looked at everything."""
    sound = Sound(RULES, str(tmp_path))
    provider = Provider({}, sound)
    provider.handle(*message("ConfigureProvider", {"config": {"api_url": UNKNOWN, "api_key": UNKNOWN}}))
    provider.handle(*CALLS["a document"][0])
    assert not Sound(RULES, str(tmp_path))
