"""What changed between two documents, by meaning: spelling, order of keys and written-out defaults do not count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from keeptrusts.core.exchange import Phase
from keeptrusts.policy.analysis import Analysis, sound
from keeptrusts.policy.comparing import Change, compare_blocks
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.sections import Document, Target

CHAIN = "policies.chain"


def diff_documents(before: str, after: str, *, allow_literal_secrets: bool = False) -> tuple[Change, ...]:
    """
    Every change from one document to another, in the order of the document; none when they mean the same.

    Raises:
        InvalidPolicyError: One of them does not lint.
    """
    (was, old), (becomes, new) = (sound(text, allow_literal_secrets=allow_literal_secrets) for text in (before, after))
    chains = was.chain, becomes.chain
    return (
        *compare_blocks(_without_chain(old), _without_chain(new), ""),
        *_chains(was, becomes),
        *(change for kind in chains[1] if kind in chains[0] for change in _blocks(was, becomes, kind)),
        *_admissions(was, becomes),
    )


def weakenings(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Those that make the document more lenient."""
    return tuple(change for change in changes if change.effect == "weakens")


def _without_chain(document: Document) -> Document:
    return replace(document, policies=replace(document.policies, chain=()))


def _blocks(was: Analysis, becomes: Analysis, kind: str) -> Iterator[Change]:
    return compare_blocks(was.blocks[kind], becomes.blocks[kind], f"policy.{kind}")


def _chains(was: Analysis, becomes: Analysis) -> Iterator[Change]:
    for kind in [*was.chain, *(kind for kind in becomes.chain if kind not in was.chain)]:
        if kind not in becomes.chain:
            yield Change(CHAIN, "removed", _effect_of(was.blocks[kind], added=False), kind)
        elif kind not in was.chain:
            yield Change(CHAIN, "added", _effect_of(becomes.blocks[kind], added=True), None, kind)
    kept = [kind for kind in was.chain if kind in becomes.chain]
    now = [kind for kind in becomes.chain if kind in was.chain]
    if kept != now:
        yield _reordered(kept, now, becomes.blocks)


def _effect_of(policy: Policy, *, added: bool) -> Any:
    if policy.rewrites:
        return "weakens"
    return "strengthens" if added else "weakens"


def _reordered(before: Sequence[str], after: Sequence[str], blocks: Mapping[str, Policy]) -> Change:
    """What a kind takes out of a text, those behind it do not see any more."""
    hidden = any(
        blocks[kind].changes_texts() and before.index(other) < before.index(kind)
        for place, kind in enumerate(after)
        for other in after[place + 1 :]
    )
    reason = "a kind that changes texts is now asked before one that would have seen them unchanged" if hidden else ""
    return Change(CHAIN, "reordered", "weakens" if hidden else "neutral", list(before), list(after), reason=reason)


def _admissions(was: Analysis, becomes: Analysis) -> Iterator[Change]:
    """Targets that routing kinds admit or refuse because of what the target now says of itself."""
    old, new = _targets(was), _targets(becomes)
    for name, target in new.items():
        if name not in old or old[name] == target:
            continue
        before, after = _admitted(becomes, old[name]), _admitted(becomes, target)
        if before != after:
            reason = "for what it says of itself, a routing kind now " + ("admits it" if after else "refuses it")
            effect: Any = "weakens" if after else "strengthens"
            yield Change(f"providers.targets[{name}]", "changed", effect, before, after, reason=reason)


def _targets(analysis: Analysis) -> dict[str, Target]:
    assert analysis.document is not None
    return {target.id: target for target in analysis.document.providers.targets}


def _admitted(analysis: Analysis, target: Target) -> bool:
    from keeptrusts.policy.targets import compile_target

    seen = compile_target(target).target
    routing = (analysis.blocks[kind] for kind in analysis.chain)
    return all(policy.admits(seen) is None for policy in routing if Phase.ROUTE in policy.phases)
