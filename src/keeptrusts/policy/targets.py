"""What the targets of a document become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from keeptrusts.core import exchange
from keeptrusts.policy import sections, traffic
from keeptrusts.policy.compiled import MockCall, MockSettings, Pricing, TargetSettings, WireFormat
from keeptrusts.policy.providers import KNOWN, Provider, bedrock_root, root_of
from keeptrusts.policy.secret_refs import SecretRef
from keeptrusts.policy.sections import Spoken, spoken


def compile_target(declared: sections.Target) -> TargetSettings:
    """The settings of a target that lints."""
    said = spoken(declared.provider)
    known = KNOWN[said.provider]
    form: WireFormat = declared.format or known.format
    if form != known.format:  # a provider that is spoken to in the other format wants its key so, too
        known = replace(KNOWN["anthropic" if form == "anthropic" else "openai"], root=known.root)
    secret = declared.secret_key_ref or SecretRef()
    return TargetSettings(
        target=_chosen_by(declared, said),
        base_url=root_of(declared.base_url or _root(declared, known), known),
        format=form,
        path_template=declared.path_template,
        api_prefix=_prefix(declared, said, known),
        api_query=f"api-version={declared.azure_api_version}" if declared.azure_api_version else "",
        aws_region=declared.aws_region or "",
        secret_env=secret.env,
        secret_store=secret.store,
        api_key_header=(declared.api_key_header or known.key_header).lower(),
        api_key_prefix=known.key_prefix if declared.api_key_prefix is None else declared.api_key_prefix,
        weight=declared.weight,
        timeout_seconds=declared.timeout_seconds,
        connect_timeout_seconds=declared.connect_timeout_seconds,
        first_byte_timeout_seconds=declared.first_byte_timeout_seconds,
        headers={name.lower(): value for name, value in declared.headers.items()},
        mock=_mock(declared.mock or sections.Mock()) if said.provider == "mock" else None,
        pricing=_pricing(declared.pricing),
        assignee=declared.escalation_routing.assignee if declared.escalation_routing else None,
    )


def _root(declared: sections.Target, known: Provider) -> str:
    return bedrock_root(declared.aws_region) if declared.aws_region else known.root


def _chosen_by(declared: sections.Target, said: Spoken) -> exchange.Target:
    data = declared.data_policy or sections.DataPolicy()
    return exchange.Target(
        id=declared.id,
        provider=said.provider,
        model=declared.azure_deployment or declared.model or said.model,
        zero_data_retention=bool(data.zero_data_retention or declared.zdr),
        training_opt_out=bool(data.training_opt_out or declared.data_collection == "deny"),
        retention_days=data.retention_days,
        region=declared.region,
        local=declared.local,
    )


def _pricing(declared: traffic.Pricing | None) -> Pricing | None:
    if declared is None:
        return None
    price, cached = declared.input_usd_per_million_tokens, declared.cached_input_usd_per_million_tokens
    return Pricing(price, declared.output_usd_per_million_tokens, price if cached is None else cached)


def _prefix(declared: sections.Target, said: Spoken, known: Provider) -> str:
    if declared.azure_api_version is None:
        return known.prefix
    return f"/openai/deployments/{declared.azure_deployment or declared.model or said.model}"


def _mock(declared: sections.Mock) -> MockSettings:
    calls: tuple[MockCall, ...] = tuple(MockCall(call.name, _copy(call.arguments)) for call in declared.tool_calls)
    return MockSettings(
        declared.reply, declared.chunk_chars, declared.delay_ms, declared.status, declared.die_after_chars, calls
    )


def _copy(arguments: Mapping[str, object]) -> dict[str, object]:
    return dict(arguments)
