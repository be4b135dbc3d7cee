"""What other tools say of lines, asked of an interpreter that has them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path


def said_by(python: Path, tool: str, texts: Sequence[str]) -> list[list[tuple[int, int, str]]]:
    """Spans for each text, in code points."""
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    command = [python, Path(__file__).with_name("other_tools.py"), tool]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    return [[(start, end, kind) for start, end, kind in json.loads(line)] for line in done.stdout.splitlines()]
