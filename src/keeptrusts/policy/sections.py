"""The sections of the document besides the kinds: what `pack`, `policies`, `providers` and the limits may hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, Self, TypeAlias

from keeptrusts.policy.access import Cors, IpAllowlist
from keeptrusts.policy.assignment import EscalationRouting
from keeptrusts.policy.callbacks import Callback
from keeptrusts.policy.checks import (
    amazon_region,
    base_url,
    header_name,
    literal_secret,
    path_template,
    path_word,
    provider,
    semantic_version,
    sent_header_name,
)
from keeptrusts.policy.groups import ModelGroup, group_faults
from keeptrusts.policy.limits import Agent, TokenRateLimit, agent_faults
from keeptrusts.policy.providers import canonical
from keeptrusts.policy.rollout import Rollout
from keeptrusts.policy.schema import Attr, Block, Fault
from keeptrusts.policy.secret_refs import SECRET_HEADERS, SecretRef
from keeptrusts.policy.traffic import CircuitBreaker, Fallback, Pricing, Retry, Routing

Id: TypeAlias = Annotated[str, Attr(minimum=1, maximum=200, stronger="neutral")]
Seconds: TypeAlias = Annotated[float, Attr(minimum=0.001, maximum=86_400, stronger="neutral")]


@dataclass(frozen=True, slots=True)
class Pack(Block):
    name: Annotated[str, Attr("What the document is called.", minimum=1, maximum=200, stronger="neutral")]
    version: Annotated[str, Attr("Its own version, as in semver.org.", check=semantic_version, stronger="neutral")]
    enabled: Annotated[
        bool, Attr("False: the gateway refuses traffic with 503 `configuration_disabled`.", stronger="off")
    ]
    id: Annotated[str | None, Attr("An id of your own.", maximum=200, stronger="neutral")] = None
    author: Annotated[str | None, Attr("Who answers for it.", maximum=200, stronger="neutral")] = None
    description: Annotated[str | None, Attr("What it is for.", maximum=2000, stronger="neutral")] = None


@dataclass(frozen=True, slots=True)
class Policies(Block):
    chain: Annotated[
        tuple[str, ...], Attr("Policy kinds, in the order in which they are asked.", minimum=1, stronger="unclear")
    ]
    rollout: Annotated[
        Mapping[str, Rollout],
        Attr("How kinds of the chain are introduced; a kind that is not named is enforced.", stronger="defaulted"),
    ] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DataPolicy(Block):
    zero_data_retention: Annotated[bool | None, Attr("The provider keeps nothing.", stronger="on")] = None
    training_opt_out: Annotated[bool | None, Attr("The provider does not train on the traffic.", stronger="on")] = None
    retention_days: Annotated[
        int | None, Attr("How long the provider keeps the traffic.", minimum=0, stronger="lower")
    ] = None


@dataclass(frozen=True, slots=True)
class MockToolCall(Block):
    name: Id
    arguments: Annotated[Mapping[str, object], Attr("JSON.")] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mock(Block):
    reply: Annotated[str | None, Attr("Text to answer with; absent: the last user message.")] = None
    chunk_chars: Annotated[int, Attr("Characters in each streamed delta.", minimum=1, maximum=100_000)] = 8
    delay_ms: Annotated[int, Attr("Wait before each piece.", minimum=0, maximum=600_000)] = 0
    status: Annotated[int, Attr("HTTP status to answer with.", minimum=200, maximum=599)] = 200
    die_after_chars: Annotated[int | None, Attr("Drop the connection there.", minimum=0)] = None
    tool_calls: tuple[MockToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Spoken:
    """`provider` taken apart: `openai:chat:gpt-4o` is the provider `openai` with the model `gpt-4o`."""

    provider: str
    model: str = ""


def spoken(said: str) -> Spoken:
    """Read a provider that lints, composite or not."""
    name, _, rest = said.partition(":")
    return Spoken(canonical(name), rest.partition(":")[2])


@dataclass(frozen=True, slots=True)
class Target(Block):
    id: Id
    provider: Annotated[
        str,
        Attr(
            "`openai`, `anthropic`, `azure`, `bedrock`, `google`, `groq`, `mistral`, `ollama`, `openai-compatible`, "
            "`mock`; or `provider:chat:model`.",
            check=provider,
            stronger="unclear",
        ),
    ]
    model: Annotated[
        str, Attr("Model asked for upstream; empty: what the client names.", maximum=200, stronger="neutral")
    ] = ""
    base_url: Annotated[
        str | None, Attr("Root of the provider's API, with or without `/v1`.", check=base_url, stronger="unclear")
    ] = None
    path_template: Annotated[
        str | None, Attr("Path of a request, with `{model}`.", maximum=500, check=path_template, stronger="neutral")
    ] = None
    format: Annotated[Literal["openai", "anthropic"] | None, Attr("Default by provider.", stronger="neutral")] = None
    secret_key_ref: Annotated[SecretRef | None, Attr("Where its key is.", stronger="neutral")] = None
    api_key: Annotated[
        str | None,
        Attr("Refused: secrets never stand in the document.", check=literal_secret, stronger="neutral", secret=True),
    ] = None
    api_key_header: Annotated[str | None, Attr("Default by format.", check=sent_header_name, stronger="neutral")] = None
    api_key_prefix: Annotated[str | None, Attr("Default by format.", maximum=40, stronger="neutral")] = None
    pricing: Annotated[Pricing | None, Attr("What its tokens cost.", stronger="neutral")] = None
    data_policy: Annotated[DataPolicy | None, Attr("How it handles the traffic.", stronger="given")] = None
    zdr: Annotated[bool | None, Attr("Short for `data_policy.zero_data_retention`.", stronger="on")] = None
    data_collection: Annotated[
        Literal["allow", "deny"] | None,
        Attr("`deny` is short for `data_policy.training_opt_out: true`.", stronger=("allow", "deny")),
    ] = None
    region: Annotated[str | None, Attr("Where the provider runs.", maximum=100, stronger="unclear")] = None
    local: Annotated[bool, Attr("It runs inside your own network.", stronger="on")] = False
    weight: Annotated[int, Attr("Share under weighted routing.", minimum=0, maximum=1000, stronger="neutral")] = 1
    timeout_seconds: Seconds = 300.0
    connect_timeout_seconds: Seconds = 10.0
    first_byte_timeout_seconds: Seconds = 120.0
    headers: Annotated[Mapping[str, str], Attr("Sent with every request.", stronger="neutral", secret=True)] = field(
        default_factory=dict
    )
    azure_api_version: Annotated[
        str | None,
        Attr("Dated API of Azure; absent: the current one.", check=path_word, maximum=40, stronger="neutral"),
    ] = None
    azure_deployment: Annotated[
        str | None,
        Attr("Deployment to ask; absent: the model.", check=path_word, maximum=200, stronger="neutral"),
    ] = None
    aws_region: Annotated[
        str | None,
        Attr("Region in which Bedrock is asked, as `us-east-1`.", check=amazon_region, maximum=40, stronger="unclear"),
    ] = None
    escalation_routing: Annotated[
        EscalationRouting | None,
        Attr("Who decides of its answers that are escalated, where the kind names nobody.", stronger="neutral"),
    ] = None
    mock: Annotated[Mock | None, Attr("How `mock` answers.", stronger="neutral")] = None

    def beside(self, other: Self) -> Self:
        """Without the short forms."""
        del other
        said, data = spoken(self.provider), self.data_policy or DataPolicy()
        plain = DataPolicy(
            bool(data.zero_data_retention or self.zdr),
            bool(data.training_opt_out or self.data_collection == "deny"),
            data.retention_days,
        )
        model = self.model or said.model
        return replace(self, provider=said.provider, model=model, data_policy=plain, zdr=None, data_collection=None)

    @property
    def names_model(self) -> bool:
        """It asks for a model of its own, or needs none."""
        said = spoken(self.provider)
        return bool(self.model or said.model or self.azure_deployment) or said.provider == "mock"

    def faults(self) -> Iterable[Fault]:
        yield from self._provider_faults()
        yield from self._header_faults()
        yield from self._contradictions()

    def _provider_faults(self) -> Iterable[Fault]:
        said = spoken(self.provider)
        if said.model and self.model and said.model != self.model:
            message = "`provider` and `model` name different models"
            yield Fault("E003", ("model",), message, f"remove `model`, or write `provider: {said.provider}`")
        if said.provider in {"openai-compatible", "azure"} and self.base_url is None:
            yield Fault("E004", ("base_url",), "`base_url` is missing", "add the root URL of the provider")
        if said.provider == "mock" and self.base_url is not None:
            yield Fault("E003", ("base_url",), "the mock provider has no `base_url`", "remove it")
        if said.provider != "mock" and self.mock is not None:
            yield Fault("E003", ("mock",), "`mock` goes with `provider: mock`", "remove it, or change the provider")

        yield from self._azure_faults(said)
        yield from self._bedrock_faults(said)

    def _bedrock_faults(self, said: Spoken) -> Iterable[Fault]:
        if said.provider != "bedrock":
            if self.aws_region is not None:
                yield Fault("E003", ("aws_region",), "`aws_region` goes with `provider: bedrock`", "remove it")
            return
        if self.aws_region is None:
            message = "`aws_region` is missing: requests are signed for it"
            yield Fault("E004", ("aws_region",), message, "name the region in which Bedrock is asked")
        for name in ("format", "path_template", "api_key_header", "api_key_prefix"):
            if getattr(self, name) is not None:
                yield Fault("E003", (name,), f"`{name}` does not go with `provider: bedrock`", "remove it")

    def _azure_faults(self, said: Spoken) -> Iterable[Fault]:
        for name in ("azure_api_version", "azure_deployment"):
            if getattr(self, name) is not None and said.provider != "azure":
                yield Fault("E003", (name,), f"`{name}` goes with `provider: azure`", "remove it")
        if self.azure_api_version is not None and not (self.azure_deployment or self.model or said.model):
            message = "`azure_deployment` is missing: a dated API of Azure is asked by it"
            yield Fault("E004", ("azure_deployment",), message, "name the deployment")

    def _header_faults(self) -> Iterable[Fault]:
        for name in self.headers:
            fault = sent_header_name(name)
            if fault:
                yield Fault(fault.code, ("headers", name), fault.message)
            if name.lower() in SECRET_HEADERS:
                message = f"`{name}` carries a secret, and secrets never stand in the document"
                hint = "write `secret_key_ref` and `api_key_header`"
                yield Fault("E008", ("headers", name), message, hint)

    def _contradictions(self) -> Iterable[Fault]:
        data = self.data_policy or DataPolicy()
        if self.zdr is not None and data.zero_data_retention not in {None, self.zdr}:
            yield Fault("E003", ("zdr",), "`zdr` contradicts `data_policy.zero_data_retention`", "keep one of the two")
        denied = None if self.data_collection is None else self.data_collection == "deny"
        if denied is not None and data.training_opt_out not in {None, denied}:
            message = "`data_collection` contradicts `data_policy.training_opt_out`"
            yield Fault("E003", ("data_collection",), message, "keep one of the two")


@dataclass(frozen=True, slots=True)
class Providers(Block):
    targets: Annotated[tuple[Target, ...], Attr("Where requests may go.", stronger="fewer")] = ()
    strategy: Annotated[Literal["single"] | None, Attr("`single`: there is one target.", stronger="neutral")] = None
    routing: Annotated[Routing, Attr(stronger="neutral")] = field(default_factory=Routing)
    fallback: Annotated[Fallback, Attr(stronger="neutral")] = field(default_factory=Fallback)
    retry: Annotated[
        Retry | None, Attr("A target that fails is tried again; absent: it is not.", stronger="neutral")
    ] = None
    circuit_breaker: Annotated[
        CircuitBreaker | None, Attr("A target that keeps failing is left alone.", stronger="neutral")
    ] = None

    def faults(self) -> Iterable[Fault]:
        seen: dict[str, int] = {}
        for index, target in enumerate(self.targets):
            if target.id in seen:
                message = f"`{target.id}` is the id of `targets[{seen[target.id]}]` already"
                yield Fault("E005", ("targets", index, "id"), message, "give each target its own id")
            seen.setdefault(target.id, index)
        yield from self._routing_faults()
        if self.strategy == "single" and len(self.targets) != 1:
            message = f"`single` wants one target, but there are {len(self.targets)}"
            yield Fault("E003", ("strategy",), message, "remove `strategy`, or keep one target")

    def _routing_faults(self) -> Iterable[Fault]:
        strategy = self.routing.strategy
        if strategy == "weighted" and self.targets and not any(target.weight for target in self.targets):
            yield Fault("E003", ("routing", "strategy"), "every target has `weight: 0`", "give one of them a weight")
        for index, target in enumerate(self.targets):
            if strategy == "lowest_cost" and target.pricing is None:
                message = f"`lowest_cost` cannot tell what `{target.id}` costs"
                yield Fault("E004", ("targets", index, "pricing"), message, "add `pricing`")


@dataclass(frozen=True, slots=True)
class GlobalRateLimit(Block):
    max_requests: Annotated[int, Attr("Requests in the window.", minimum=1, stronger="lower")]
    window_seconds: Annotated[int, Attr("Length of the window.", minimum=1, maximum=86_400, stronger="higher")]


@dataclass(frozen=True, slots=True)
class UserRateLimit(Block):
    max_requests: Annotated[int, Attr("Requests of one user in the window.", minimum=1, stronger="lower")]
    window_seconds: Annotated[int, Attr("Length of the window.", minimum=1, maximum=86_400, stronger="higher")]
    header_names: Annotated[
        tuple[Annotated[str, Attr(check=header_name)], ...],
        Attr("The first that is present names the user.", minimum=1, stronger="unclear"),
    ] = ("x-user-id",)


@dataclass(frozen=True, slots=True)
class IpRateLimit(Block):
    max_requests: Annotated[int, Attr("Requests of one address in the window.", minimum=1, stronger="lower")]
    window_seconds: Annotated[int, Attr("Length of the window.", minimum=1, maximum=86_400, stronger="higher")]
    trust_proxy_depth: Annotated[
        int, Attr("Proxies before us whose `x-forwarded-for` counts.", minimum=0, maximum=10, stronger="unclear")
    ] = 0


@dataclass(frozen=True, slots=True)
class SizeLimits(Block):
    max_body_bytes: Annotated[int, Attr("Largest request.", minimum=1, maximum=1024**3, stronger="lower")] = (
        10 * 1024 * 1024
    )
    max_response_bytes: Annotated[int | None, Attr("Largest answer.", minimum=1, stronger="lower")] = None


@dataclass(frozen=True, slots=True)
class Streaming(Block):
    max_holdback_chars: Annotated[
        int, Attr("The most a client may be kept behind.", minimum=0, maximum=65_536, stronger="neutral")
    ] = 512
    on_unbounded: Annotated[
        Literal["buffer", "reject"],
        Attr("A chain that needs more is buffered, or refused by lint.", stronger="neutral"),
    ] = "buffer"


@dataclass(frozen=True, slots=True)
class Document(Block):
    """The top of the document, without `policy`, whose keys are the kinds."""

    pack: Pack
    policies: Policies
    providers: Providers = Providers()
    model_groups: Annotated[
        tuple[ModelGroup, ...], Attr("Names that clients may ask for instead of a model.", stronger="unclear")
    ] = ()
    global_rate_limit: Annotated[GlobalRateLimit | None, Attr("Of all callers.", stronger="given")] = None
    user_rate_limit: Annotated[UserRateLimit | None, Attr("Of each user.", stronger="given")] = None
    ip_rate_limit: Annotated[IpRateLimit | None, Attr("Of each address.", stronger="given")] = None
    token_rate_limit: Annotated[TokenRateLimit | None, Attr("Of tokens.", stronger="given")] = None
    ip_allowlist: Annotated[IpAllowlist | None, Attr("Who may call.", stronger="given")] = None
    cors: Annotated[Cors | None, Attr("Which pages of browsers may call.", stronger="unclear")] = None
    agents: Annotated[tuple[Agent, ...], Attr("What each agent may do.", stronger="more")] = ()
    size_limits: SizeLimits = SizeLimits()
    streaming: Streaming = Streaming()
    callbacks: Annotated[
        tuple[Callback, ...], Attr("Who is told of decisions, after the answer.", maximum=20, stronger="neutral")
    ] = ()
    testing: Annotated[
        Mapping[str, object] | None, Attr("Tests of this document, see policy/cases.py.", stronger="neutral")
    ] = None

    def faults(self) -> Iterable[Fault]:
        models = {target.id: target.names_model for target in self.providers.targets}
        priced = {target.id: target.pricing is not None for target in self.providers.targets}
        yield from agent_faults(self.agents, priced)
        yield from group_faults(self.model_groups, models, falls_back=self.providers.fallback.enabled)
