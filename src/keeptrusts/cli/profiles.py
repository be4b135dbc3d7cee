"""Writes `config.toml`: the one file of settings that `kt` keeps for a person."""

from __future__ import annotations

import json
import os
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path

from keeptrusts.cli.settings import read_profile


def change_profile(path: Path, name: str, values: Mapping[str, str | None]) -> None:
    """
    Set these settings of a profile, and take away those that are None. The file is its owner's alone.

    Raises:
        InputError: What is there cannot be read as settings.
    """
    name = name or "default"
    read_profile(path, "")  # what cannot be read is not replaced
    known = tomllib.loads(path.read_text(encoding="utf-8")).get("profiles", {}) if path.exists() else {}
    merged = {**known.get(name, {}), **values}
    profiles = {**known, name: {key: value for key, value in merged.items() if value is not None}}
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:
        out.write("\n".join(_table(one, table) for one, table in profiles.items() if table))
    draft.replace(path)


def _table(name: str, settings: Mapping[str, str]) -> str:
    # a JSON string is a basic string of TOML, but for the one control character that JSON leaves as it is
    def quoted(text: str) -> str:
        return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")

    lines = [f"[profiles.{quoted(name)}]", *(f"{key} = {quoted(value)}" for key, value in settings.items())]
    return "\n".join(lines) + "\n"
