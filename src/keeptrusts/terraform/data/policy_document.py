"""Data source `keeptrusts_policy_document`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from keeptrusts.terraform import policy_text
from keeptrusts.terraform.resource import DataSource
from keeptrusts.terraform.schema import Attr, Values, known


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A warning."""

    code: Annotated[str, Attr(about="`W001`, ...", computed=True)]
    path: Annotated[str, Attr(about="Where in the document: `providers.targets[0].id`.", computed=True)]
    line: Annotated[int, Attr(about="From 1.", computed=True)]
    column: Annotated[int, Attr(about="From 1.", computed=True)]
    message: Annotated[str, Attr(about="What is doubtful.", computed=True)]
    suggestion: Annotated[str, Attr(about="What to write instead; may be empty.", computed=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDocument:
    """A policy document, linted and brought into its normal form; nothing leaves the machine."""

    policy_yaml: Annotated[str, Attr(about="The document. One that is not valid is an error.", required=True)]
    findings: Annotated[tuple[Finding, ...], Attr(about="What lint warns of.", computed=True)] = ()
    kinds: Annotated[tuple[str, ...], Attr(about="Kinds of the chain, in order.", computed=True)] = ()
    digest: Annotated[str, Attr(about="Digest of the document with its defaults.", computed=True)] = ""
    json: Annotated[str, Attr(about="The document with every default filled in, as JSON.", computed=True)] = ""


class PolicyDocumentSource(DataSource[PolicyDocument]):
    type_name = "keeptrusts_policy_document"
    noun = "configurations"
    state = PolicyDocument

    def validate(self, config: Values) -> None:
        text = config["policy_yaml"]
        if text is not None and known(text):
            policy_text.lint(text, self.diagnostics)

    def read(self, config: PolicyDocument) -> PolicyDocument:
        import json

        from keeptrusts.core.canonical import digest
        from keeptrusts.policy.document import normalise
        from keeptrusts.policy.lint import lint_document

        normal = normalise(config.policy_yaml)
        findings = tuple(
            Finding(
                code=one.code,
                path=one.path,
                line=one.line,
                column=one.column,
                message=one.message,
                suggestion=one.suggestion,
            )
            for one in lint_document(config.policy_yaml).warnings
        )
        return PolicyDocument(
            policy_yaml=config.policy_yaml,
            findings=findings,
            kinds=tuple(normal["policies"]["chain"]),
            digest=digest(normal),
            json=json.dumps(normal, ensure_ascii=False, sort_keys=True),
        )
