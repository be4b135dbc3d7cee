"""
What a kind adds at the end of an answer: a disclaimer, a notice.

Whether it is missing shows only when the text is complete. So it is no part of `judge`, which a stream is judged with
piece by piece, and an answer can be passed on while it comes.
"""

from __future__ import annotations

from dataclasses import replace

from keeptrusts.core.exchange import Exchange, Part, Place
from keeptrusts.core.verdict import Allow, Edit, Redact, Verdict
from keeptrusts.policy.kind import Policy, code_prefix


def takes_ending(policy: Policy, part: Part) -> bool:
    """Whether this kind may add something to texts of this part: only to what the model says to its reader."""
    return policy.adds and part is Part.CONTENT


def ending_of(policy: Policy, text: str) -> Verdict:
    """What the kind adds to a complete text; an answer that says nothing needs no disclaimer."""
    end = len(text)
    edits = tuple(Edit((), end, end, category, added) for category, added in (policy.ending(text) if text else ()))
    return Redact(f"{code_prefix(policy.kind)}.{edits[0].category}", edits) if edits else Allow()


def with_endings(policy: Policy, exchange: Exchange, verdict: Verdict) -> Verdict:
    """What a kind said of a whole answer and, where it lets it pass, what it adds to the texts of it."""
    if not isinstance(verdict, Allow | Redact):
        return verdict
    edits: dict[Place, list[Edit]] = {text.place: [] for text in exchange.texts}
    for edit in verdict.edits if isinstance(verdict, Redact) else ():
        edits[edit.place].append(edit)
    added = 0
    for text in exchange.texts:
        ending = ending_of(policy, text.value) if takes_ending(policy, text.part) else None
        if isinstance(ending, Redact):
            edits[text.place] += [replace(one, place=text.place) for one in ending.edits]
            added += 1
    if not added:
        return verdict
    together = tuple(edit for of_text in edits.values() for edit in of_text)
    # the reason names what stands first, as it does where the answer is streamed
    return Redact(f"{code_prefix(policy.kind)}.{together[0].category}", together)
