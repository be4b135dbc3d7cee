"""The guide's table of refusals, beside the refusals themselves."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src" / "keeptrusts"
TABLE = re.compile(r"^\| (\d{3}|as the provider's) \| (.+?) \|", re.MULTILINE)
MADE = re.compile(r'(?:Refusal|RefusedError)\(\s*(\d{3}), (?:"[a-z_]+", )?"([a-z_]+)", (?:f?"|message|allowed)')


def told() -> dict[str, str]:
    """Codes of the guide, and the status of each."""
    page = (ROOT / "docs" / "guide" / "gateway.md").read_text(encoding="utf-8")
    table = page.partition("## What a refusal says")[2].partition("\n## ")[0]
    return {code: status for status, codes in TABLE.findall(table) for code in re.findall(r"`([a-z_*]+)`", codes)}


def test_every_code_of_a_flow_is_told() -> None:
    """With its status; those of HTTP itself, which say no more than their status, are not."""
    codes = told()
    places = [
        *sorted((SOURCE / "flow").glob("*.py")),
        *(SOURCE / "gateway" / f"{name}.py" for name in ("admission", "endpoints")),
    ]
    made = {code: status for path in places for status, code in MADE.findall(path.read_text(encoding="utf-8"))}
    plain = {"method_not_allowed", "unknown_route", "forbidden"}

    assert len(made) >= 12
    assert {code: status for code, status in made.items() if code not in plain} == {
        code: status for code, status in codes.items() if code in made
    }


def test_no_code_is_told_that_nothing_makes() -> None:
    """Each stands somewhere in the source."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py"))
    absent = [code for code in told() if "*" not in code and f'"{code}"' not in source]

    assert absent == ["output_blocked"]  # made of the stage
    assert 'f"{stage}_blocked"' in source
