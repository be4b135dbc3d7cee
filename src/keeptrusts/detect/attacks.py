"""Attacks in the arguments of a tool: what turns a value into a command, a query, a way out of a folder, a way in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from keeptrusts.detect.fold import view
from keeptrusts.detect.pattern import read_pattern
from keeptrusts.detect.scan import ALNUM, WORD, Hit, Rule, RuleSet

_NONE: Final[frozenset[str]] = frozenset()
_ADDRESS: Final = ALNUM | {".", "-"}
_COMMANDS: Final = (
    "(?:rm|cat|ls|id|nc|ncat|curl|wget|bash|sh|zsh|python3?|perl|php|ruby|whoami|uname|chmod|chown|kill|ping|nslookup|env"
    "|powershell|cmd|certutil)"
)
_BLANKS: Final = r"[ \t]{0,4}"

_FORMS: Final[tuple[tuple[str, str, frozenset[str]], ...]] = (
    # category, pattern, what may not stand before it
    ("command_injection", rf"[;&|\n]{_BLANKS}{_COMMANDS}[ \t]{{1,4}}(?:[-/~.$*\"'<>]|https?:)", _NONE),
    ("command_injection", rf"\$\({_BLANKS}{_COMMANDS}[ \t)]", _NONE),
    ("command_injection", rf"`{_BLANKS}{_COMMANDS}[ \t`]", _NONE),
    ("command_injection", r"/(?:bin|usr/bin)/(?:ba|z|da)?sh -[ci]", _NONE),
    ("sql_injection", r"union[ \t\n]{1,4}(?:all[ \t\n]{1,4})?select[ \t\n(]", WORD),
    ("sql_injection", r"['\")][ \t\n]{0,4}(?:or|and)[ \t\n]{1,4}['\"]?[a-z0-9]{1,12}['\"]?[ \t\n]{0,4}=", _NONE),
    (
        "sql_injection",
        r"['\");][ \t\n]{0,4};[ \t\n]{0,4}(?:drop|delete|update|insert|alter|truncate|exec)[ \t\n]",
        _NONE,
    ),
    ("sql_injection", r";[ \t\n]{0,4}drop[ \t\n]{1,4}(?:table|database|schema)[ \t\n]", _NONE),
    ("sql_injection", r"(?:sleep|benchmark|pg_sleep)[ \t]{0,2}\([0-9]", WORD),
    ("sql_injection", r"waitfor[ \t]{1,4}delay[ \t]{1,4}['\"]", WORD),
    ("path_traversal", r"(?:\.\.[/\\]){2}", _NONE),
    ("path_traversal", r"(?:%2e%2e(?:%2f|/|\\)){2}", _NONE),
    ("path_traversal", r"/etc/(?:passwd|shadow|sudoers|ssh/)", _NONE),
    ("path_traversal", r"/proc/self/(?:environ|fd|mem|cmdline)", _NONE),
    ("path_traversal", r"(?:c:)?\\windows\\(?:system32|win\.ini)", _NONE),
    ("path_traversal", r"\.ssh/(?:id_[a-z0-9]{2,10}|authorized_keys)", _NONE),
    ("internal_address", r"169\.254\.169\.254", _ADDRESS),
    ("internal_address", r"metadata\.google\.internal", _ADDRESS),
    (
        "internal_address",
        r"(?:https?|ftp|gopher|dict)://(?:[^/\s@]{0,40}@)?(?:localhost|127\.|0\.0\.0\.0|\[::1?\])",
        WORD,
    ),
    ("internal_address", r"(?:file|gopher|dict|jar)://", WORD),
)
"""In lower case."""

CATEGORIES: Final = tuple(dict.fromkeys(category for category, _, _ in _FORMS))


def _rules() -> Iterable[Rule]:
    for category, pattern, before in _FORMS:
        assert read_pattern(pattern).most is not None
        yield Rule(category, pattern, before=before, after=_NONE)


_RULES: Final = RuleSet(tuple(_rules()))


def find_attacks(text: str) -> list[Hit]:
    """Every form of attack in this text, by its start."""
    return _RULES.find(view(text, lower=True))
