"""
What detectors report, against looking at every start by itself.

A piece of a text, from any place to its end, has matches that cover what the matches of the whole cover there, begin
where they begin and are of the same categories. That is what streams are judged by (`policy.kind`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from keeptrusts.detect.court import CATEGORIES as COURT_CATEGORIES
from keeptrusts.detect.court import court_rules
from keeptrusts.detect.fold import View, view
from keeptrusts.detect.health import identifiers
from keeptrusts.detect.pii import CATEGORIES, rules_for
from keeptrusts.detect.randomness import PLACEHOLDERS, WINDOW
from keeptrusts.detect.scan import Hit, Rule, RuleSet
from keeptrusts.detect.school import student_rules
from keeptrusts.detect.secret import secret_rules
from keeptrusts.detect.tenant import TenantPatterns
from keeptrusts.detect.terms import Terms

SETS = {
    "personal data": rules_for(frozenset(CATEGORIES)),
    "secrets": secret_rules(entropy=True),
    "health": identifiers(limited_data_set=False),
    "court": court_rules(frozenset(COURT_CATEGORIES)),
    "school": student_rules(),
}
PIECES = st.sampled_from([
    "q7Rk2Zp9LxW4vTnB8mHc3JdY6sGfQ1aEuI5oKzXrNbVyMtCwPhSjDgFlA0UieO", "aaaa", "Z9", "0xY7", "example", "////",
    "ada@example.com", "a@a.io", "o'neil..x@b.org", "@", "+49 30 901820", "030 90182010 ", "4111 1111 1111 1111",
    "4 1 ", "DE89 3704 0044 0532 0130 00", "192.168.17.4", "1.2.3.4", "2001:db8::1:2", "00:11:22:33:44:55",
    "123-45-6789", "460 89 9847", "AB123456C", "sk-proj-a8Kd02LmZq93Xw71Bv5TgYh4", "AKIAQ3ERTY7UI2OPASDF",
    "password=hunter2Tango9!", "eyJhbGciOiJIUzI1NiJ9.", "postgres://app:hunt3r2@db", "ssn 460899847", "tel ",
    "Project Apollo", "gambling", " ", ", ", "-", "_", ".", "\n", "\u200b", "\u0301", "ü", "ß", "中", "…", "x", "7",
])  # fmt: skip
TEXTS = st.lists(st.one_of(PIECES, st.text("a1B2-._@ ", max_size=6)), max_size=10).map("".join)


def every_match(rules: RuleSet, text: str) -> list[Hit]:
    """Each rule at each start, with no more of the text than it may depend on."""
    seen = view(text)
    starts = [index for index in range(len(text)) if seen.origin(seen.byte(index)) == index]
    return [hit for rule in rules.rules for index in starts for hit in match_at(rule, seen, index)]


def match_at(rule: Rule, seen: View, index: int) -> Iterator[Hit]:
    start, stop = seen.byte(index), seen.byte(index + rule.width - 1)
    found = rule.regex.match(seen.data, start, stop)
    if found is None or rule.refuses(seen.before(start), rule.before):
        return
    value = found[1][0] if rule.label else start
    said = seen.data[value : found[0][1]].decode("utf-8", "replace")
    end = value + (
        is_random(said) if rule.category == "high_entropy" else rule.check(said) if rule.check else len(said)
    )
    if value < end and not rule.refuses(seen.after(end), rule.after):
        yield Hit(index, seen.end(end), rule.category, seen.origin(value), rule.confidence)


def is_random(window: str) -> int:
    """What `detect.randomness` says of itself."""
    digits, capitals, small = (sum(map(kind, window)) for kind in (str.isdigit, str.isupper, str.islower))
    fake = any(word in window.lower() for word in PLACEHOLDERS)
    varied = len(set(window)) >= 19 and digits >= 2 and capitals >= 3 and small >= 3
    return WINDOW if varied and window.count("/") <= 2 and not fake else 0


def covered(hits: list[Hit], low: int, high: int, shift: int = 0) -> set[tuple[str, int, int]]:
    """Stretches by category of what starts in `[low, high)`: apart where one does not lie over the next."""
    stretches: dict[str, list[list[int]]] = {}
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        start, end = hit.start + shift, hit.end + shift
        if low <= start < high:
            known = stretches.setdefault(hit.category, [])
            if known and start < known[-1][1]:
                known[-1][1] = max(known[-1][1], end)
            else:
                known.append([start, end])
    # what lies beyond `high` is covered when it comes
    return {(category, start, min(end, high)) for category, known in stretches.items() for start, end in known}


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(sorted(SETS)), TEXTS, st.data())
def test_every_piece_is_covered_as_the_whole_is(name: str, text: str, data: st.DataObject) -> None:
    """From any start on, and up to any limit."""
    rules = SETS[name]
    whole = every_match(rules, text)
    first = data.draw(st.integers(0, len(text)))
    limit = data.draw(st.integers(first, len(text)))
    context = 1 if first else 0
    found = rules.find(view(text[first - context :]), limited=True)

    assert covered(found, first, limit, first - context) == covered(whole, first, limit)


@settings(deadline=None)
@given(st.sampled_from(sorted(SETS)), TEXTS)
def test_a_request_is_covered_at_least_as_an_answer_is(name: str, text: str) -> None:
    """Where nothing is invisible both say the same; what is invisible hides nothing, and may end what is before it."""
    rules = SETS[name]
    seen = view(text)
    if seen.exact:
        assert rules.find(seen) == rules.find(seen, limited=True)
    else:
        shown = "".join(letter for letter in text if letter not in "\u200b\u0301")
        visible = Counter(hit.category for hit in rules.find(view(shown)))
        assert not visible - Counter(hit.category for hit in rules.find(seen))


@settings(deadline=None)
@given(TEXTS, st.data())
def test_patterns_and_terms_keep_the_law_too(text: str, data: st.DataObject) -> None:
    """Each start is looked at by itself."""
    first = data.draw(st.integers(0, len(text)))
    limit = data.draw(st.integers(first, len(text)))
    context = 1 if first else 0
    for detector in (TenantPatterns(["[a-z0-9]{3,9}", "ad?a"]), Terms({"x": ["project apollo", "gambling"]})):
        alone = [
            Hit(index, index + hit.end - hit.start, hit.category, index)
            for index in range(len(text))
            for hit in detector.find(text[max(index - 1, 0) :], limited=True)
            if hit.start == min(index, 1)
        ]
        found = detector.find(text[first - context :], limited=True)
        assert covered(found, first, limit, first - context) == covered(alone, first, limit)
