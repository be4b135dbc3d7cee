"""`callbacks`: where the gateway tells of its decisions, beside the control plane and after the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal, TypeAlias

from keeptrusts.policy.checks import base_url, sent_header_name
from keeptrusts.policy.schema import Attr, Block, Fault
from keeptrusts.policy.secret_refs import SECRET_HEADERS, SecretRef

CallbackType: TypeAlias = Literal["prometheus", "otlp", "webhook", "langfuse", "datadog"]


_WANTED: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "prometheus": ((), ()),
    "otlp": (("endpoint",), ("service_name", "headers", "secret_key_ref")),
    "webhook": (("url",), ("headers", "secret_key_ref")),
    "langfuse": (("public_key", "secret_key_ref"), ("host",)),
    "datadog": (("secret_key_ref",), ("site", "service_name", "tags", "endpoint")),
}
"""What each type needs, and what it may have besides."""


@dataclass(frozen=True, slots=True)
class Callback(Block):
    """
    One place. It is sent records without content, in batches; nothing of it is on the way of a request.

    `prometheus` needs nothing: the gateway's `/metrics` is always there.
    """

    type: Annotated[CallbackType, Attr("What is spoken there.", stronger="neutral")]
    url: Annotated[str | None, Attr('`webhook`: gets `{"events": [...]}`.', check=base_url, stronger="neutral")] = None
    endpoint: Annotated[
        str | None,
        Attr(
            "`otlp`: root URL, a span a decision goes to `/v1/traces`; `datadog`: another intake.",
            check=base_url,
            stronger="neutral",
        ),
    ] = None
    host: Annotated[
        str | None, Attr("`langfuse`: absent, `https://cloud.langfuse.com`.", check=base_url, stronger="neutral")
    ] = None
    public_key: Annotated[
        str | None, Attr("`langfuse`: the public key.", minimum=1, maximum=200, stronger="neutral")
    ] = None
    site: Annotated[
        Literal[
            "datadoghq.com",
            "us3.datadoghq.com",
            "us5.datadoghq.com",
            "datadoghq.eu",
            "ap1.datadoghq.com",
            "ap2.datadoghq.com",
            "ddog-gov.com",
        ]
        | None,
        Attr("`datadog`: absent, `datadoghq.com`.", stronger="neutral"),
    ] = None
    service_name: Annotated[
        str | None, Attr("`otlp`, `datadog`: absent, `keeptrusts-gateway`.", minimum=1, maximum=100, stronger="neutral")
    ] = None
    tags: Annotated[
        tuple[Annotated[str, Attr(minimum=1, maximum=200)], ...],
        Attr("`datadog`: `name:value`.", maximum=50, stronger="neutral"),
    ] = ()
    headers: Annotated[
        Mapping[str, str], Attr("`otlp`, `webhook`: sent with each request.", stronger="neutral", secret=True)
    ] = field(default_factory=dict)
    secret_key_ref: Annotated[
        SecretRef | None, Attr("Where its key is; `otlp` and `webhook` send it as a bearer.", stronger="neutral")
    ] = None

    def faults(self) -> Iterable[Fault]:
        needed, besides = _WANTED[self.type]
        given = [name for name in _FIELDS if getattr(self, name)]
        for name in given:
            if name not in {*needed, *besides}:
                yield Fault("E003", (name,), f"`{name}` does not go with `type: {self.type}`", "remove it")
        for name in needed:
            if name not in given:
                yield Fault("E004", (name,), f"`{name}` is missing: `{self.type}` needs it", f"add `{name}:`")
        for name in self.headers:
            fault = sent_header_name(name)
            if fault is not None:
                yield Fault(fault.code, ("headers", name), fault.message)
            if name.lower() in _SECRET_FIELDS:
                message = f"`{name}` carries a secret, and secrets never stand in the document"
                yield Fault("E008", ("headers", name), message, "write `secret_key_ref`")


_FIELDS: Final = ("url", "endpoint", "host", "public_key", "site", "service_name", "tags", "headers", "secret_key_ref")
_SECRET_FIELDS: Final = SECRET_HEADERS | {"dd-api-key"}
