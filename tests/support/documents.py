"""The blocks of a Markdown page, and a shell script made of them: what a reader would do, from top to bottom."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w+)(?: +([^\n]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "@@ line "


@dataclass(frozen=True, slots=True)
class Block:
    """
    A fenced block.

    Args:
        line: Of the page, where it starts.
        info: What stands behind the language, such as `file=main.tf`; empty when nothing does.
    """

    line: int
    language: str
    info: str
    text: str

    @property
    def file(self) -> str | None:
        """Where the reader is to put it."""
        return self.info.removeprefix("file=") if self.info.startswith("file=") else None


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(text.count("\n", 0, found.start()) + 1, found[1], found[2] or "", found[3])
        for found in FENCE.finditer(text)
    ]


def script_of(blocks: Sequence[Block]) -> str:
    """Bash that writes each block with a file and runs each plain `sh` one, and ends at the first that fails."""
    parts = ["set -euo pipefail", "exec 2>&1"]
    for block in blocks:
        if block.file is not None:
            path = shlex.quote(block.file)
            parts.append(f"mkdir -p \"$(dirname {path})\"\ncat > {path} <<'END OF BLOCK'\n{block.text}END OF BLOCK")
        elif block.language == "sh" and not block.info:
            parts.append(f"printf '\\n{MARK}{block.line}\\n'\n{block.text}")
    return "\n".join(parts) + "\n"


@dataclass(frozen=True, slots=True)
class Reading:
    """
    What came of it.

    Args:
        outputs: What each `sh` block printed, by its line in the page.
    """

    status: int
    outputs: Mapping[int, str]

    def output_of(self, blocks: Sequence[Block], text: str) -> str:
        """What the one block that holds this text printed."""
        (line,) = (block.line for block in blocks if block.language == "sh" and not block.info and text in block.text)
        return self.outputs[line]

    def last(self) -> str:
        """Where it ended, for a failed assertion."""
        return "\n".join(f"line {line}: {output}" for line, output in list(self.outputs.items())[-1:])


def follow(blocks: Sequence[Block], folder: Path, environment: Mapping[str, str]) -> Reading:
    """Do what the page says, in this folder."""
    script = folder / "page.sh"
    script.write_text(script_of(blocks), encoding="utf-8")
    done = subprocess.run(
        ["bash", str(script)],
        cwd=folder,
        env={**environment, "LC_ALL": os.environ.get("LC_ALL", "C.UTF-8")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    said = re.split(rf"^{MARK}(\d+)\n", done.stdout, flags=re.MULTILINE)
    return Reading(done.returncode, {int(line): text for line, text in zip(said[1::2], said[2::2], strict=True)})
