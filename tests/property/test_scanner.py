"""
The sieve in front of RE2 lets every match through, wherever it stands.

Hyperscan says where to look. A build of it that overlooks something would leave a hole in every detector, and no case
of a short text would show it: such a fault was found only behind sixteen characters that cannot begin a match.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from keeptrusts.detect import advice, attacks, code, court, health, injection, pii, school, secret
from keeptrusts.detect.fold import view
from keeptrusts.detect.scan import Rule

SETS = {
    "advice": advice.RULES,
    "attacks": attacks._RULES,
    "code": code.RULES,
    "court": court.court_rules(frozenset(court.CATEGORIES)),
    "health": health.identifiers(limited_data_set=False),
    "injection": injection.injection_rules(),
    "pii": pii.rules_for(frozenset(pii.CATEGORIES)),
    "school": school.student_rules(),
    "secret": secret.secret_rules(entropy=False),
}
ASCII = st.characters(min_codepoint=9, max_codepoint=126)
LEADS = st.integers(0, 200).map(lambda length: "z" * (length - 1) + " " * bool(length))


def rules() -> Iterator[tuple[str, int]]:
    """Every rule that Hyperscan looks for as it is; those with a finder of their own have a weaker sieve."""
    for name, ruleset in SETS.items():
        yield from ((name, index) for index, rule in enumerate(ruleset.rules) if rule.finder is None)


def matching(rule: Rule) -> st.SearchStrategy[str]:
    """Texts that the pattern matches, if Python's engine reads it too."""
    try:
        pattern = re.compile(rule.label + rule.pattern, re.IGNORECASE if rule.caseless else 0)
    except re.error:
        return st.nothing()
    return st.from_regex(pattern, fullmatch=True, alphabet=ASCII if pattern.pattern.isascii() else None)


@pytest.mark.parametrize(("name", "index"), list(rules()))
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), lead=LEADS)
def test_a_match_is_never_overlooked(name: str, index: int, data: st.DataObject, lead: str) -> None:
    """Where RE2 finds a match, Hyperscan reports an end that leads to it."""
    ruleset = SETS[name]
    rule = ruleset.rules[index]
    texts = matching(rule)
    if texts.is_empty:
        pytest.skip("the pattern is not Python's")
    text = view(lead + data.draw(texts) + " .")
    spans = {span[0]: span for span in rule.spans(text.data, 0, len(text.data), guarded=True)}
    assume(len(lead) in spans)
    _, value, stop = spans[len(lead)]
    if rule.check and not rule.check(text.data[value:stop].decode()):
        return  # it looks like one and is none, so the sieve may say so
    reach = max(rule.bytes_wide, rule.back)

    for scan in (ruleset._scan, ruleset._scan_unguarded):
        ends = scan(text.data).get(index, [])
        assert any(len(lead) < end <= len(lead) + reach for end in ends)
