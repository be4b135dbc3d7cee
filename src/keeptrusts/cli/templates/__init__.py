"""Policies to begin with: a folder each, with a document that lints clean and tests that notice when it is weakened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from keeptrusts.cli.failure import Exit, stop
from keeptrusts.cli.first_run import starter_policy

STARTER: Final = "starter"
POLICY: Final = "policy-config.yaml"
_ROOT: Final = Path(__file__).parent


def templates() -> list[str]:
    """Their names, the one of `kt dev` first."""
    found = sorted(path.parent.name for path in _ROOT.glob(f"*/{POLICY}"))
    return [STARTER, *found]


def template_files(name: str) -> dict[Path, str]:
    """Paths below the folder that is initialised, and what is to stand there."""
    if name not in templates():
        from keeptrusts.policy.reading import suggest

        hint = suggest(name, templates(), "templates")
        raise stop(f"there is no template `{name[:60]}`", hint, status=Exit.WRONG_INPUT, code="unknown_template")
    return dict(_files(name))


def summary(name: str) -> str:
    """The first line of its document says what it is for."""
    return template_files(name)[Path(POLICY)].partition("\n")[0].removeprefix("# ")


def _files(name: str) -> Iterator[tuple[Path, str]]:
    yield Path(POLICY), starter_policy() if name == STARTER else (_ROOT / name / POLICY).read_text(encoding="utf-8")
    for path in sorted((_ROOT / name / "tests").glob("*.yaml")):
        yield Path("tests", path.name), path.read_text(encoding="utf-8")
