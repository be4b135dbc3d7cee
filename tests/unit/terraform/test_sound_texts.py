"""What is remembered of documents without a finding, and when it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from keeptrusts.terraform import policy_text, sound_texts
from keeptrusts.terraform.diagnostics import Diagnostics
from keeptrusts.terraform.sound_texts import FILE, MOST_BYTES, SIZE, SoundTexts
from support.terraform import POLICY

RULES = bytes(SIZE)


def test_the_next_process_knows(tmp_path: Path) -> None:
    """A text by its bytes: another text, and another provider, are not known."""
    assert POLICY not in SoundTexts(RULES, str(tmp_path))
    SoundTexts(RULES, str(tmp_path)).add(POLICY)
    SoundTexts(RULES, str(tmp_path)).add(POLICY)
    assert (tmp_path / FILE).stat().st_size == SIZE
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    later = SoundTexts(RULES, str(tmp_path))
    assert POLICY in later
    assert POLICY + " " not in later
    assert POLICY not in SoundTexts(b"1" * SIZE, str(tmp_path))


def test_where_there_is_no_folder(tmp_path: Path) -> None:
    """Without Terraform's folder, and in a source tree, nothing is written and all goes on."""
    for texts in (SoundTexts(RULES, str(tmp_path / "none")), SoundTexts(None, str(tmp_path))):
        texts.add(POLICY)
    assert list(tmp_path.iterdir()) == []
    assert POLICY not in SoundTexts(RULES, str(tmp_path / "none"))


def test_a_damaged_file(tmp_path: Path) -> None:
    """Half a digest and foreign bytes hide nothing: what is not known is linted."""
    (tmp_path / FILE).write_bytes(b"#" * (SIZE + 5))
    texts = SoundTexts(RULES, str(tmp_path))
    assert POLICY not in texts
    texts.add(POLICY)
    assert POLICY in texts


def test_it_does_not_grow_for_ever(tmp_path: Path) -> None:
    """When it is full it begins anew."""
    (tmp_path / FILE).write_bytes(bytes(range(256)) * (MOST_BYTES // 256))
    for number in range(MOST_BYTES // SIZE):
        SoundTexts(RULES, str(tmp_path)).add(str(number))
    assert (tmp_path / FILE).stat().st_size <= MOST_BYTES


def test_only_what_has_no_finding_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error and a warning are told each time; the sound one is not linted twice."""
    monkeypatch.setattr(policy_text, "_sound_texts", lambda: SoundTexts(RULES, str(tmp_path)))
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
    assert not Path(sound_texts.__file__).with_name(sound_texts.SOURCES_FILE).exists()
    assert POLICY not in sound_texts.of_this_provider()
