"""A Dockerfile's instructions, carried out in a folder instead of an image: its own lines, no container engine."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ABSOLUTE = re.compile(r"(?<![\w.$}/-])/(opt|build|var)\b")
"""The folders that the lines name; the image's root is the builder's folder."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """
    Args:
        stage: Counted from 1; 0 stands before the first FROM.
        text: What follows the word, with its line breaks.
    """

    stage: int
    word: str
    text: str

    def list(self) -> list[str]:
        """Of the JSON form."""
        found: list[str] = json.loads(self.text[self.text.index("[") :])
        return found

    def pairs(self) -> dict[str, str]:
        """Of ENV and LABEL."""
        words = shlex.split(self.text.replace("\\\n", " "))
        return dict(word.split("=", 1) for word in words)


def instructions(path: Path) -> list[Instruction]:
    lines = (line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#"))
    found: list[Instruction] = []
    for text in _joined(lines):
        word, _, rest = text.partition(" ")
        stage = (found[-1].stage if found else 0) + (word == "FROM")
        found.append(Instruction(stage, word, rest))
    return found


def _joined(lines: Iterator[str]) -> Iterator[str]:
    whole = ""
    for line in lines:
        whole += line
        if line.endswith("\\"):
            whole += "\n"
        elif whole:
            yield whole
            whole = ""


@dataclass
class Builder:
    """
    Args:
        context: What the Dockerfile copies from.
        shadow: Holds programs that come before all others.
    """

    folder: Path
    context: Path
    shadow: Path | None = None
    work: Path = field(init=False)
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.work = self.folder

    def placed(self, text: str) -> str:
        return ABSOLUTE.sub(rf"{self.folder}/\1", text)

    def environment(self) -> dict[str, str]:
        """Of a process in the image; certificates and package index are the machine's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("KEEPTRUSTS_", "PYTHON"))}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        if self.shadow is not None:
            path = f"{self.shadow}{os.pathsep}{path}"
        own = {name: self.placed(value).replace("$PATH", path) for name, value in self.variables.items()}
        return {**kept, "PATH": path, "HOME": str(self.folder / "var/lib/keeptrusts"), **own}

    def carry_out(self, one: Instruction) -> None:
        match one.word:
            case "ARG" if "=" in one.text:
                name, _, value = one.text.partition("=")
                self.variables[name] = value.strip('"')
            case "ENV":
                self.variables |= one.pairs()
            case "WORKDIR":
                self.work = Path(self.placed(one.text))
                self.work.mkdir(parents=True, exist_ok=True)
            case "COPY" if not one.text.startswith("--from"):
                self._copy(one.text.split())
            case "RUN":
                self.run(one.text)
            case _:
                pass

    def _copy(self, words: list[str]) -> None:
        *sources, target = words
        for name in sources:
            source, place = self.context / name, self.work / target
            if source.is_dir():
                shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__", ".terraform*"))
            else:
                shutil.copy(source, place)

    def run(self, text: str, more: Mapping[str, str] | None = None) -> str:
        """As `RUN` does it."""
        done = subprocess.run(
            ["/bin/sh", "-c", self.placed(text)],
            cwd=self.work,
            env={**self.environment(), **(more or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
