"""Code that nobody should take over as it stands: what it does to who runs it, or gives away."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from keeptrusts.detect.fold import view
from keeptrusts.detect.pattern import read_pattern
from keeptrusts.detect.scan import WORD, Hit, Rule, RuleSet

_QUOTE: Final = "[\"'`]"
_NAMED: Final = "(?:password|passwd|secret|api_?key|token)"
_NONE: Final[frozenset[str]] = frozenset()
_JOINED: Final = rf"{_QUOTE} {{0,2}}(?:\+|\|\||%) "
_INTO_SHELL: Final = r"\| {0,2}(?:sudo {1,2})?(?:ba|z|da)?sh"

UNSAFE: Final[tuple[tuple[str, str, str], ...]] = (
    # category, what Hyperscan looks for, the whole
    ("command_injection", r"os\.(?:system|popen)\(", r"os\.(?:system|popen)\("),
    ("command_injection", r"shell=true", r"subprocess\.[a-z_]{2,14}\([^\n]{0,80}shell=true"),
    ("command_injection", r"\.exec(?:sync)?\(", r"(?:child_process|getruntime\(\))\.exec(?:sync)?\("),
    ("command_injection", r"(?:shell_exec|passthru|proc_open)\(", r"(?:shell_exec|passthru|proc_open)\("),
    ("code_injection", r"(?:eval|exec)\(", r"(?:eval|exec)\("),
    ("code_injection", r"new function\(", r"new function\("),
    ("unsafe_deserialization", r"(?:pickle|marshal|dill)\.loads?\(", r"(?:pickle|marshal|dill)\.loads?\("),
    ("unsafe_deserialization", r"yaml\.(?:unsafe_load|full_load)\(", r"yaml\.(?:unsafe_load|full_load)\("),
    ("unsafe_deserialization", r"new objectinputstream\(", r"new objectinputstream\("),
    ("destructive_command", r"rm -(?:rf|fr) ", r"rm -(?:rf|fr) (?:--no-preserve-root )?[/~*$]"),
    ("destructive_command", r"mkfs\.", r"mkfs\.[a-z0-9]{2,8} /dev/"),
    ("destructive_command", r"of=/dev/", r"dd if=[^ \n]{1,40} of=/dev/[a-z]"),
    (
        "destructive_command",
        r"drop (?:table|database|schema)",
        r"drop (?:table|database|schema) [a-z0-9_.\"`\[\]]{1,40}",
    ),
    ("remote_script", _INTO_SHELL, rf"(?:curl|wget) [^\n|]{{1,100}}{_INTO_SHELL}"),
    ("disabled_verification", r"verify {0,1}= {0,1}false", r"verify {0,1}= {0,1}false"),
    ("disabled_verification", r"rejectunauthorized", r"rejectunauthorized[\"']?: {0,2}false"),
    ("disabled_verification", r"insecureskipverify", r"insecureskipverify: {0,2}true"),
    ("disabled_verification", r"ssl\._create_unverified_context", r"ssl\._create_unverified_context"),
    ("html_injection", r"\.innerhtml", r"\.innerhtml {0,2}\+?="),
    ("html_injection", r"document\.write(?:ln)?\(", r"document\.write(?:ln)?\("),
    ("sql_injection", _JOINED, rf"(?:where|values|set) [^\n;]{{1,60}}{_JOINED}"),
    ("sql_injection", r"execute\(f", rf"execute\(f{_QUOTE}"),
    ("world_writable", r"chmod ", r"chmod (?:-r )?0?777"),
    (
        "credential",
        rf"{_NAMED}{_QUOTE}? {{0,2}}[:=]",
        rf"{_NAMED}{_QUOTE}? {{0,2}}(?:=|:|:=) {{0,2}}{_QUOTE}[^\s\"'`$<{{%]{{6,64}}{_QUOTE}",
    ),
    ("credential", r"(?:akia|asia)[0-9a-z]{16}", r"(?:akia|asia)[0-9a-z]{16}"),
)
"""In lower case."""


def _rules() -> Iterable[Rule]:
    for category, sieve, pattern in UNSAFE:
        most = read_pattern(pattern).most
        assert most is not None
        before = WORD if pattern[0].isalpha() or pattern[0] == "(" else _NONE
        yield Rule(category, pattern, before=before, after=_NONE, sieve=sieve, back=most)


RULES: Final = RuleSet(tuple(_rules()))


def is_harmless(text: str) -> bool:
    """Whether there surely is nothing unsafe in a text as it is; no says nothing."""
    return RULES.is_silent(text, lower=True)


def find_code(text: str, *, limited: bool = False) -> list[Hit]:
    """What is unsafe in it, by start; `limited` as in `RuleSet.find`."""
    return RULES.find(view(text, lower=True), limited=limited)
