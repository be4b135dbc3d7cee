"""A document compiled: the chain and the settings that a gateway runs."""

from __future__ import annotations

from typing import Any

from keeptrusts.core.canonical import digest
from keeptrusts.policy import access, limits, sections, traffic
from keeptrusts.policy.analysis import Analysis, sound
from keeptrusts.policy.compiled import (
    Agent,
    Audit,
    CircuitBreaker,
    CompiledPolicy,
    Cors,
    Fallback,
    IpAllowlist,
    ModelGroup,
    RateLimit,
    Retry,
    Routing,
    SizeLimits,
    Streaming,
    TokenLimit,
)
from keeptrusts.policy.engine import Chain
from keeptrusts.policy.rollout import Rollout
from keeptrusts.policy.schema import as_plain
from keeptrusts.policy.targets import compile_target


def compile_document(text: str, *, fail_open: bool = False) -> CompiledPolicy:
    """
    What a gateway enforces.

    Args:
        fail_open: `--fail-mode allow`: a kind that fails lets pass, and the record says `degraded`.

    Raises:
        InvalidPolicyError: It does not lint.
    """
    analysis, document = sound(text)
    policies = [analysis.blocks[kind] for kind in analysis.chain]
    providers = document.providers
    return CompiledPolicy(
        name=document.pack.name,
        version=document.pack.version,
        enabled=document.pack.enabled,
        chain=Chain(policies, fail_open=fail_open, rollout=_rollout(document)),
        kinds=analysis.chain,
        digest=digest(_plain(analysis, document)),
        targets=tuple(compile_target(target) for target in providers.targets),
        routing=_routing(providers.routing),
        groups=tuple(
            ModelGroup(one.name, one.targets, one.aliases, one.fallback_group) for one in document.model_groups
        ),
        rate_limits=tuple(_rate_limits(document)),
        token_limit=_token_limit(document.token_rate_limit),
        agents=tuple(_agent(one) for one in document.agents),
        ip_allowlist=_ip_allowlist(document.ip_allowlist),
        cors=_cors(document.cors),
        size_limits=SizeLimits(document.size_limits.max_body_bytes, document.size_limits.max_response_bytes),
        streaming=Streaming(document.streaming.max_holdback_chars, document.streaming.on_unbounded),
        fallback=_fallback(providers.fallback),
        retry=_retry(providers.retry),
        circuit_breaker=_circuit_breaker(providers.circuit_breaker),
        audit=_audit(analysis),
        callbacks=document.callbacks,
        warnings=analysis.warnings,
    )


def normalise(text: str) -> dict[str, Any]:
    """
    The document as plain JSON with every default filled in. Documents that mean the same are equal here.

    Raises:
        InvalidPolicyError: It does not lint.
    """
    return _plain(*sound(text))


def document_digest(text: str) -> str:
    """`sha256:...` of the normal form; raises as `normalise` does."""
    return digest(normalise(text))


def _plain(analysis: Analysis, document: sections.Document) -> dict[str, Any]:
    blocks = {kind: as_plain(block) for kind, block in analysis.blocks.items()}
    policies = {"chain": list(analysis.chain), "rollout": as_plain(_rollout(document))}
    return {**as_plain(document), "policies": policies, "policy": blocks}


def _rollout(document: sections.Document) -> dict[str, Rollout]:
    """Without kinds that are enforced on every request, as if they were not named."""
    return {kind: one for kind, one in document.policies.rollout.items() if not one.is_full()}


def _rate_limits(document: sections.Document) -> list[RateLimit]:
    found = []
    if one := document.global_rate_limit:
        found.append(RateLimit("global", one.max_requests, one.window_seconds))
    if user := document.user_rate_limit:
        names = tuple(name.lower() for name in user.header_names)
        found.append(RateLimit("user", user.max_requests, user.window_seconds, names))
    if ip := document.ip_rate_limit:
        depth = ip.trust_proxy_depth
        found.append(RateLimit("ip", ip.max_requests, ip.window_seconds, trust_proxy_depth=depth))
    return found


def _ip_allowlist(one: access.IpAllowlist | None) -> IpAllowlist | None:
    return IpAllowlist(one.cidrs, one.trust_proxy_depth) if one and one.enabled else None


def _cors(one: access.Cors | None) -> Cors | None:
    if one is None or not one.enabled:
        return None
    return Cors(
        one.allow_origins, one.allow_methods, one.allow_headers, one.expose_headers, one.credentials, one.max_age
    )


def _token_limit(one: limits.TokenRateLimit | None) -> TokenLimit | None:
    return None if one is None else TokenLimit(one.max_tokens, one.window_seconds, one.scope)


def _agent(one: limits.Agent) -> Agent:
    return Agent(one.id, one.allowed_models, one.max_requests_per_day, one.max_tokens_per_day, one.max_cost_usd_per_day)


def _routing(one: traffic.Routing) -> Routing:
    usual = Routing()
    return Routing(
        one.strategy,
        one.window_seconds or usual.window_seconds,
        one.min_sample_count or usual.min_sample_count,
        one.sticky_by or usual.sticky_by,
    )


def _fallback(one: traffic.Fallback) -> Fallback:
    return Fallback(one.enabled, one.triggers, one.max_fallback_attempts)


def _retry(one: traffic.Retry | None) -> Retry | None:
    if one is None:
        return None
    return Retry(one.max_attempts, one.initial_delay_ms, one.max_delay_ms, one.jitter)


def _circuit_breaker(one: traffic.CircuitBreaker | None) -> CircuitBreaker | None:
    if one is None:
        return None
    return CircuitBreaker(one.failure_threshold, one.cooldown_seconds, one.half_open_max_probes)


def _audit(analysis: Analysis) -> Audit:
    from keeptrusts.policy.kinds.audit_logger import AuditLogger

    logger = analysis.blocks.get("audit-logger") if "audit-logger" in analysis.chain else None
    return Audit(logger.content, logger.kept_hours()) if isinstance(logger, AuditLogger) else Audit()
