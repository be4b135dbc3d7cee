"""One document read through: sections, kinds and what must hold between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keeptrusts.core.exchange import Phase
from keeptrusts.policy import shapes
from keeptrusts.policy.findings import Finding, InvalidPolicyError
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.neighbours import check_neighbours
from keeptrusts.policy.reading import Reader, join, locate, members_of
from keeptrusts.policy.registry import KINDS, load_kind
from keeptrusts.policy.rollout import ALONE
from keeptrusts.policy.schema import keys_of
from keeptrusts.policy.sections import Document
from keeptrusts.policy.source import Node, SourceError, Spot, read_source

if TYPE_CHECKING:
    from keeptrusts.policy.cases import Testing


@dataclass(slots=True)
class Analysis:
    """
    What is known of a document after reading it.

    Args:
        document: None when a section is wrong.
        blocks: The kinds of the document that read well, chained or not.
        root: None when the text cannot be read at all.
    """

    findings: list[Finding] = field(default_factory=list)
    document: Document | None = None
    blocks: dict[str, Policy] = field(default_factory=dict)
    chain: tuple[str, ...] = ()
    root: Node | None = None
    testing: Testing | None = None

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.severity == "warning")


def analyse(text: str, *, allow_literal_secrets: bool = False) -> Analysis:
    """Read a document as far as it can be read."""
    try:
        root, findings = read_source(text)
    except SourceError as fault:
        return Analysis([fault.finding])
    root = shapes.without_aliases(root)
    older = shapes.older_shape(root)
    if older:
        return Analysis([older], root=root)
    reader = Reader(findings, frozenset({"E008"}) if allow_literal_secrets else frozenset())
    shaped = _usual_shape(root, reader)
    if shaped is None:
        return Analysis(reader.findings, root=root)
    analysis = _read(shaped, reader, shapes.top_keys(root))
    found = reader.findings if shaped is root else [shapes.as_written(one, analysis.chain) for one in reader.findings]
    analysis.findings = sorted(found, key=lambda one: (one.line, one.column))
    if reader.left_out:
        analysis.findings.append(_rest(analysis.findings[-1], reader.left_out))
    return analysis


def _rest(last: Finding, count: int) -> Finding:
    message = f"and {count} more errors, which are not shown"
    return Finding(last.code, "", last.line, last.column, message, "repair the ones above first")


def sound(text: str, *, allow_literal_secrets: bool = False) -> tuple[Analysis, Document]:
    """
    A document that lints.

    Raises:
        InvalidPolicyError: It does not.
    """
    analysis = analyse(text, allow_literal_secrets=allow_literal_secrets)
    if analysis.errors or analysis.document is None:
        raise InvalidPolicyError(analysis.errors)
    return analysis, analysis.document


def _usual_shape(root: Node, reader: Reader) -> Node | None:
    if not isinstance(root.value, Mapping):
        message = f"the document must be a mapping, but it is {root.noun}"
        reader.fault("E003", "", root.spot, message, "a document begins with `pack:` and `policies:`")
        return None
    if not shapes.is_single(root):
        return root
    kind = shapes.single_kind(root)
    if kind is None:
        kinds = ", ".join(f"`{name}`" for name in shapes.SINGLE)
        message = "it cannot be told which kind this single-policy document is of"
        reader.fault("E004", "policy", root.keys["policy"], message, f"add sections of one of {kinds}, or use `pack:`")
        return None
    return shapes.as_pack(root, kind)


def _read(root: Node, reader: Reader, top: list[str]) -> Analysis:
    members = root.value
    assert isinstance(members, Mapping)
    without = Node({name: node for name, node in members.items() if name != "policy"}, root.spot, root.keys)
    analysis = Analysis(root=root)
    analysis.document = reader.block(Document, _without_strangers(without, reader, top), "")
    chained = dict(_chain(root, reader))
    analysis.chain = tuple(chained)
    _read_blocks(root, chained, reader, analysis)
    if analysis.document:
        _check_rollout(analysis, root, reader)
        check_neighbours(analysis.blocks, _enforced(analysis), root, reader)
        _check_streaming(analysis, root, reader)
        _check_fallback(analysis.document, root, reader)
        if analysis.document.testing:
            _check_testing(analysis, members["testing"], reader)
    return analysis


def _without_strangers(root: Node, reader: Reader, top: list[str]) -> Node:
    """Without top-level keys that nobody knows, whose suggestions are those of the document's shape."""
    members = root.value
    assert isinstance(members, Mapping)
    known = {*keys_of(Document), *Document.pending}
    for name in members:
        if name not in known:
            reader.fault("E002", name, root.keys[name], f"unknown key `{name}`", reader.hint(name, top))
    return Node({name: node for name, node in members.items() if name in known}, root.spot, root.keys)


def _chain(root: Node, reader: Reader) -> Iterator[tuple[str, Spot]]:
    """The kinds of `policies.chain` that may be used, with their places."""
    seen: set[str] = set()
    for index, item in enumerate(_chain_items(root)):
        if not isinstance(item.value, str):
            continue
        path, kind = f"policies.chain[{index}]", item.value
        if kind in seen:
            reader.fault("E005", path, item.spot, f"`{kind}` stands in the chain twice", "remove one of the two")
        elif _is_kind(kind, path, item.spot, reader):
            yield kind, item.spot
        seen.add(kind)


def _chain_items(root: Node) -> tuple[Node, ...]:
    policies = (members_of(root) or {}).get("policies")
    chain = (members_of(policies) or {}).get("chain") if policies else None
    return chain.value if chain and isinstance(chain.value, tuple) else ()


def _is_kind(kind: str, path: str, spot: Spot, reader: Reader) -> bool:
    if kind not in KINDS:
        reader.fault("E001", path, spot, f"unknown policy kind `{kind[:60]}`", reader.hint(kind, KINDS, "kinds"))
    return kind in KINDS


def _read_blocks(root: Node, chained: Mapping[str, Spot], reader: Reader, analysis: Analysis) -> None:
    policy = (members_of(root) or {}).get("policy")
    written = policy and members_of(policy)
    if policy and written is None:
        reader.fault("E003", "policy", policy.spot, f"`policy` must be a mapping, but it is {policy.noun}")
    if policy and written:
        for kind, node in written.items():
            _read_block(kind, node, policy.keys[kind], reader, analysis)
    for kind, spot in chained.items():
        if kind not in (written or {}):
            _default_block(kind, spot, reader, analysis)


def _read_block(kind: str, node: Node, spot: Spot, reader: Reader, analysis: Analysis) -> None:
    path = join("policy", kind)
    if not _is_kind(kind, path, spot, reader):
        return
    block = reader.block(load_kind(kind), node, path)
    if block:
        analysis.blocks[kind] = block
    if kind not in analysis.chain:
        message = f"`{kind}` is not in the chain, so this block does nothing"
        reader.fault("W002", path, spot, message, f"add `{kind}` to `policies.chain`", severity="warning")


def _default_block(kind: str, spot: Spot, reader: Reader, analysis: Analysis) -> None:
    index = analysis.chain.index(kind)
    path = f"policies.chain[{index}]"
    message = f"`{kind}` has no block; its defaults apply"
    reader.fault("W001", path, spot, message, f"add `policy.{kind}: {{}}` to say so", severity="warning")
    block = reader.block(load_kind(kind), Node({}, spot), join("policy", kind))
    if block:
        analysis.blocks[kind] = block


def _check_streaming(analysis: Analysis, root: Node, reader: Reader) -> None:
    assert analysis.document is not None
    streaming = analysis.document.streaming
    if streaming.on_unbounded != "reject":
        return
    total = 0
    for index, kind in enumerate(analysis.chain):
        policy = analysis.blocks.get(kind)
        if policy is None or Phase.OUTPUT not in policy.phases or _mode(analysis, kind) != "enforce":
            continue
        width = policy.holdback()
        total += width or 0
        if width is None or total > streaming.max_holdback_chars:
            needs = "the whole answer" if width is None else f"{total} characters held back"
            message = f"`{kind}` needs {needs}, and `streaming.on_unbounded` is `reject`"
            suggestion = "write `on_unbounded: buffer`, or bound the kind's patterns"
            items = _chain_items(root)
            spot = next((item.spot for item in items if item.value == kind), root.spot)
            reader.fault("E009", f"policies.chain[{index}]", spot, message, suggestion)
            return


def _check_testing(analysis: Analysis, node: Node, reader: Reader) -> None:
    # imported for documents that have tests: every lint, plan and start of a gateway comes through here
    from keeptrusts.policy.cases import Testing

    analysis.testing = reader.block(Testing, node, "testing")


def _check_fallback(document: Document, root: Node, reader: Reader) -> None:
    providers = document.providers
    if providers.fallback.enabled and len(providers.targets) == 1:
        path, spot = locate(root, ("providers", "fallback", "enabled"))
        message = "there is one target, so there is none to fall back to"
        reader.fault("W003", path, spot, message, "add another target, or remove it", severity="warning")


def _check_rollout(analysis: Analysis, root: Node, reader: Reader) -> None:
    """Each kind of `policies.rollout` stands in the chain, and may be introduced by shares."""
    assert analysis.document is not None
    for kind in analysis.document.policies.rollout:
        path, spot = locate(root, ("policies", "rollout", kind))
        if not _is_kind(kind, path, spot, reader):
            continue
        if kind not in analysis.chain:
            message = f"`{kind}` is not in the chain, so there is nothing to introduce"
            reader.fault("E006", path, spot, message, reader.hint(kind, analysis.chain, "kinds of the chain"))
        elif kind == ALONE and not analysis.document.policies.rollout[kind].is_full():
            message = f"`{kind}` says what every record keeps, so it is enforced on every request"
            reader.fault("E009", path, spot, message, "remove it from `policies.rollout`")


def _enforced(analysis: Analysis) -> list[str]:
    """The kinds of the chain that are enforced on every request."""
    assert analysis.document is not None
    rollout = analysis.document.policies.rollout
    return [kind for kind in analysis.chain if kind not in rollout or rollout[kind].is_full()]


def _mode(analysis: Analysis, kind: str) -> str:
    assert analysis.document is not None
    rollout = analysis.document.policies.rollout
    return rollout[kind].mode if kind in rollout else "enforce"
