"""
What a document becomes: plain values that the flow, the gateway and the control plane read.

Every default is filled in; nothing here refers back to YAML.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from keeptrusts.core.exchange import Target
from keeptrusts.policy.asking import STORED
from keeptrusts.policy.callbacks import Callback
from keeptrusts.policy.engine import Chain
from keeptrusts.policy.findings import Finding

WireFormat: TypeAlias = Literal["openai", "anthropic", "bedrock"]
Trigger: TypeAlias = Literal["rate_limit", "server_error", "timeout", "connection", "context_window", "content_policy"]
Strategy: TypeAlias = Literal[
    "ordered", "round_robin", "weighted", "lowest_latency", "least_busy", "lowest_cost", "random", "sticky"
]
StickyBy: TypeAlias = Literal["consumer", "user", "session", "agent", "ip"]
LimitName: TypeAlias = Literal["global", "user", "ip"]
TokenScope: TypeAlias = Literal["global", "user", "agent", "key"]
OnUnbounded: TypeAlias = Literal["buffer", "reject"]
AuditContent: TypeAlias = Literal["none", "digest", "redacted", "full"]

HOURS_A_DAY = 24


@dataclass(frozen=True, slots=True)
class MockCall:
    """A tool call that the mock provider answers with. `arguments` is JSON."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MockSettings:
    """
    How the built-in provider answers. Deterministic.

    Args:
        reply: None echoes the last user message as the provider received it.
        chunk_chars: Characters in each streamed delta.
        delay_ms: Wait before the head and before each further delta.
        die_after_chars: The connection drops after so many characters of the reply.
    """

    reply: str | None = None
    chunk_chars: int = 8
    delay_ms: int = 0
    status: int = 200
    die_after_chars: int | None = None
    tool_calls: tuple[MockCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Pricing:
    """In US dollars for a million tokens."""

    input: float
    output: float
    cached_input: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSettings:
    """
    How to reach one target of `providers.targets`.

    Args:
        base_url: Without a trailing slash and without a trailing `/v1`; empty for `mock`.
        path_template: Path with `{model}`; None means the format's own path.
        api_prefix: What the format's own paths begin with, where they have `/v1`.
        api_query: Asked for with every path of the format's own; without `?`.
        aws_region: Set when, and only when, the provider is `bedrock`: for which region requests are signed.
        secret_env: Variable of the gateway's environment that holds the key; at most one of the two secrets is set.
        secret_store: Config variable of the control plane that holds it.
        api_key_prefix: Stands before the key in the header, with its blank if it needs one.
        mock: Set when, and only when, the provider is `mock`.
        assignee: Who decides of its answers that are escalated, where the kind names nobody.
    """

    target: Target
    base_url: str
    format: WireFormat
    path_template: str | None = None
    api_prefix: str = "/v1"
    api_query: str = ""
    aws_region: str = ""
    secret_env: str | None = None
    secret_store: str | None = None
    api_key_header: str = "authorization"
    api_key_prefix: str = "Bearer "
    weight: int = 1
    timeout_seconds: float = 300.0
    connect_timeout_seconds: float = 10.0
    first_byte_timeout_seconds: float = 120.0
    headers: Mapping[str, str] = field(default_factory=dict)
    mock: MockSettings | None = None
    pricing: Pricing | None = None
    assignee: str | None = None


@dataclass(frozen=True, slots=True)
class RateLimit:
    """
    At most `max_requests` in any `window_seconds`, for all callers, for each user, or for each address.

    Args:
        header_names: Lower-case; the first that is present names the user. Only `user` reads it.
        trust_proxy_depth: How many proxies before us may be believed in `x-forwarded-for`. Only `ip` reads it.
    """

    name: LimitName
    max_requests: int
    window_seconds: int
    header_names: tuple[str, ...] = ()
    trust_proxy_depth: int = 0


@dataclass(frozen=True, slots=True)
class TokenLimit:
    """At most `max_tokens` in any `window_seconds`, for all callers together or for each."""

    max_tokens: int
    window_seconds: int
    scope: TokenScope = "global"


@dataclass(frozen=True, slots=True)
class Agent:
    """What one agent may ask for (empty: everything), and how much of it in a day of UTC (None: any)."""

    id: str
    allowed_models: tuple[str, ...] = ()
    max_requests_per_day: int | None = None
    max_tokens_per_day: int | None = None
    max_cost_usd_per_day: float | None = None


@dataclass(frozen=True, slots=True)
class IpAllowlist:
    """Networks from which the gateway may be called, and how many proxies may be believed in `x-forwarded-for`."""

    cidrs: tuple[str, ...]
    trust_proxy_depth: int = 0


@dataclass(frozen=True, slots=True)
class Cors:
    """Which pages of browsers may call. `allow_headers` is empty for whatever they ask for; `max_age` is in seconds."""

    allow_origins: tuple[str, ...]
    allow_methods: tuple[str, ...] = ("GET", "POST", "OPTIONS")
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    credentials: bool = False
    max_age: int = 600


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """In bytes. None: no limit of the document's own."""

    max_body_bytes: int = 10 * 1024 * 1024
    max_response_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Streaming:
    """
    How answers are streamed.

    Args:
        max_holdback_chars: The most that the client may be kept behind the model. A chain that needs more is buffered.
        on_unbounded: What a chain means for streams when it needs the whole answer: wait for it, or refuse to stream.
    """

    max_holdback_chars: int = 512
    on_unbounded: OnUnbounded = "buffer"


@dataclass(frozen=True, slots=True)
class Routing:
    """
    In which order targets are tried.

    Args:
        window_seconds: How far back `lowest_latency` looks.
        min_sample_count: A target with fewer answers in the window is tried first, to learn how fast it is.
        sticky_by: Whose requests stay with one target.
    """

    strategy: Strategy = "ordered"
    window_seconds: int = 300
    min_sample_count: int = 5
    sticky_by: StickyBy = "user"


@dataclass(frozen=True, slots=True)
class ModelGroup:
    """A name that a client may ask for, and the ids of the targets that serve it."""

    name: str
    targets: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    fallback_group: str | None = None


@dataclass(frozen=True, slots=True)
class Fallback:
    """Whether, when and how often a further target is tried. `max_attempts` counts the targets after the first."""

    enabled: bool = False
    triggers: frozenset[Trigger] = frozenset({"rate_limit", "server_error", "timeout", "connection"})
    max_attempts: int = 3


@dataclass(frozen=True, slots=True)
class Retry:
    """
    How one target is tried again.

    Args:
        max_attempts: The first try included.
        initial_delay_ms: Before the second try; doubled before each further one, up to `max_delay_ms`.
        jitter: The wait is drawn from its upper half.
    """

    max_attempts: int = 2
    initial_delay_ms: int = 250
    max_delay_ms: int = 5_000
    jitter: bool = True


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """When a target is left alone: after so many failures in a row, for so long, and how many may then try it."""

    failure_threshold: int = 5
    cooldown_seconds: float = 30.0
    half_open_max_probes: int = 1


@dataclass(frozen=True, slots=True)
class Audit:
    """
    What `audit-logger` lets a record keep of the texts, and for how long.

    A chain without `audit-logger` keeps no content: `none`.
    """

    content: AuditContent = "none"
    retention_hours: int = 365 * HOURS_A_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledPolicy:
    """
    A document that lints, ready to be enforced. A request keeps the one it began with (law 7).

    Args:
        enabled: `pack.enabled`; when false the gateway refuses traffic with 503 `configuration_disabled`.
        kinds: The chain by name, in order; `chain` holds the policies themselves.
        digest: `sha256:...` over the canonical JSON of the document with its defaults. Equal for documents that
            mean the same.
        warnings: What lint found that does not make it invalid.
    """

    name: str
    version: str
    enabled: bool
    chain: Chain
    kinds: tuple[str, ...]
    digest: str
    targets: tuple[TargetSettings, ...] = ()
    rate_limits: tuple[RateLimit, ...] = ()
    token_limit: TokenLimit | None = None
    agents: tuple[Agent, ...] = ()
    ip_allowlist: IpAllowlist | None = None
    cors: Cors | None = None
    size_limits: SizeLimits = SizeLimits()
    streaming: Streaming = Streaming()
    routing: Routing = Routing()
    groups: tuple[ModelGroup, ...] = ()
    fallback: Fallback = Fallback()
    retry: Retry | None = None
    circuit_breaker: CircuitBreaker | None = None
    audit: Audit = Audit()
    callbacks: tuple[Callback, ...] = ()
    warnings: tuple[Finding, ...] = ()

    @property
    def is_limited(self) -> bool:
        """Something of it must be counted over requests."""
        return self.has_limits or any(policy.counts_requests() for policy in self.chain.policies)

    @property
    def has_limits(self) -> bool:
        """The document bounds rates, tokens or the budget of an agent."""
        budgets = (
            one.max_requests_per_day or one.max_tokens_per_day or one.max_cost_usd_per_day for one in self.agents
        )
        return bool(self.rate_limits) or self.token_limit is not None or any(budgets)

    def stored_secrets(self) -> frozenset[str]:
        """Names of the secrets of targets, kinds and callbacks that the control plane keeps."""
        kinds = (name for policy in self.chain.policies for name in policy.secrets() if name.startswith(STORED))
        targets = (one.secret_store for one in self.targets if one.secret_store)
        told = (one.secret_key_ref.store for one in self.callbacks if one.secret_key_ref and one.secret_key_ref.store)
        return frozenset((*targets, *told, *(name.removeprefix(STORED) for name in kinds)))
