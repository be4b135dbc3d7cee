"""What the targets of a document become."""

from __future__ import annotations

from collections.abc import Mapping

from keeptrusts.core import exchange
from keeptrusts.policy import sections, traffic
from keeptrusts.policy.compiled import MockCall, MockSettings, Pricing, TargetSettings, WireFormat
from keeptrusts.policy.sections import Spoken, spoken

_ROOTS = {"openai": "https://api.openai.com", "anthropic": "https://api.anthropic.com"}


def compile_target(declared: sections.Target) -> TargetSettings:
    """The settings of a target that lints."""
    said = spoken(declared.provider)
    form: WireFormat = declared.format or ("anthropic" if said.provider == "anthropic" else "openai")
    header, prefix = ("x-api-key", "") if form == "anthropic" else ("authorization", "Bearer ")
    secret = declared.secret_key_ref or sections.SecretRef()
    return TargetSettings(
        target=_chosen_by(declared, said),
        base_url=_root(declared.base_url or _ROOTS.get(said.provider, "")),
        format=form,
        path_template=declared.path_template,
        secret_env=secret.env,
        secret_store=secret.store,
        api_key_header=(declared.api_key_header or header).lower(),
        api_key_prefix=prefix if declared.api_key_prefix is None else declared.api_key_prefix,
        weight=declared.weight,
        timeout_seconds=declared.timeout_seconds,
        connect_timeout_seconds=declared.connect_timeout_seconds,
        first_byte_timeout_seconds=declared.first_byte_timeout_seconds,
        headers={name.lower(): value for name, value in declared.headers.items()},
        mock=_mock(declared.mock or sections.Mock()) if said.provider == "mock" else None,
        pricing=_pricing(declared.pricing),
    )


def _chosen_by(declared: sections.Target, said: Spoken) -> exchange.Target:
    data = declared.data_policy or sections.DataPolicy()
    return exchange.Target(
        id=declared.id,
        provider=said.provider,
        model=declared.model or said.model,
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


def _root(url: str) -> str:
    return url.rstrip("/").removesuffix("/v1").rstrip("/")


def _mock(declared: sections.Mock) -> MockSettings:
    calls: tuple[MockCall, ...] = tuple(MockCall(call.name, _copy(call.arguments)) for call in declared.tool_calls)
    return MockSettings(
        declared.reply, declared.chunk_chars, declared.delay_ms, declared.status, declared.die_after_chars, calls
    )


def _copy(arguments: Mapping[str, object]) -> dict[str, object]:
    return dict(arguments)
