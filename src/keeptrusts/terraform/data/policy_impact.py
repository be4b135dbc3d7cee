"""Data source `keeptrusts_policy_impact`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from keeptrusts.terraform import policy_text
from keeptrusts.terraform.checks import between
from keeptrusts.terraform.resource import DataSource
from keeptrusts.terraform.schema import Attr, Values, known


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyImpact:
    """What a candidate document would have changed about recorded traffic. Nothing is stored."""

    configuration_id: Annotated[
        str, Attr(about="The configuration whose recorded decisions are judged again.", required=True)
    ]
    policy_yaml: Annotated[str, Attr(about="The candidate document.", required=True)]
    window: Annotated[str | None, Attr(about="How far back: `1h`, `24h`, `30d`; 24h when absent.")] = None
    sample: Annotated[
        int | None, Attr(about="At most so many decisions, the newest; 500 when absent.", check=between(1, 2000))
    ] = None
    max_newly_blocked_ratio: Annotated[
        float | None,
        Attr(about="More newly blocked decisions than this share (0 to 1) are an error.", check=between(0, 1)),
    ] = None
    events: Annotated[int, Attr(about="Decisions looked at.", computed=True)] = 0
    replayed: Annotated[int, Attr(about="Of those, the ones whose texts were kept, judged again.", computed=True)] = 0
    newly_blocked: Annotated[int, Attr(about="How many the candidate blocks, and were not.", computed=True)] = 0
    newly_escalated: Annotated[int, Attr(about="How many it withholds for a person, and were not.", computed=True)] = 0
    newly_redacted: Annotated[int, Attr(about="How many it redacts, and were not.", computed=True)] = 0
    newly_allowed: Annotated[int, Attr(about="How many it lets pass, and were not.", computed=True)] = 0
    newly_blocked_ratio: Annotated[float, Attr(about="Of the replayed ones: 0 to 1.", computed=True)] = 0.0
    newly_blocked_event_ids: Annotated[tuple[str, ...], Attr(about="Up to 20 of them.", computed=True)] = ()
    base_digest: Annotated[str, Attr(about="Digest of the document that is current.", computed=True)] = ""
    candidate_digest: Annotated[str, Attr(about="Digest of the candidate.", computed=True)] = ""
    corpus_digest: Annotated[str, Attr(about="Digest of the decisions that were looked at.", computed=True)] = ""


class PolicyImpactSource(DataSource[PolicyImpact]):
    type_name = "keeptrusts_policy_impact"
    noun = "configurations"
    state = PolicyImpact

    def validate(self, config: Values) -> None:
        text = config["policy_yaml"]
        if text is not None and known(text):
            policy_text.lint(text, self.diagnostics)

    def read(self, config: PolicyImpact) -> PolicyImpact:
        found = self.session.client.configurations.simulate(
            config.configuration_id, config.policy_yaml, window=config.window, sample=config.sample
        )
        most = config.max_newly_blocked_ratio
        if most is not None and found["newly_blocked_ratio"] > most:
            blocked = found["newly_blocked"]
            shown = ", ".join(f"`{one}`" for one in blocked["sample_event_ids"][:5])
            detail = (
                f"{blocked['count']} of {found['replayed']} recorded decisions would be blocked anew, which is a share "
                f"of {found['newly_blocked_ratio']:.4g} and more than {most:.4g}; among them {shown}."
            )
            self.diagnostics.error("The candidate blocks too much", detail, "max_newly_blocked_ratio")
        return PolicyImpact(
            configuration_id=config.configuration_id,
            policy_yaml=config.policy_yaml,
            window=config.window,
            sample=config.sample,
            max_newly_blocked_ratio=most,
            events=found["events"],
            replayed=found["replayed"],
            newly_blocked=found["newly_blocked"]["count"],
            newly_escalated=found["newly_escalated"]["count"],
            newly_redacted=found["newly_redacted"]["count"],
            newly_allowed=found["newly_allowed"]["count"],
            newly_blocked_ratio=found["newly_blocked_ratio"],
            newly_blocked_event_ids=tuple(found["newly_blocked"]["sample_event_ids"]),
            base_digest=found["base_digest"],
            candidate_digest=found["candidate_digest"],
            corpus_digest=found["corpus_digest"],
        )
