"""The provider: its arguments, its types, and the way from a method's name to what does it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, Final

from keeptrusts.core.errors import KeeptrustsError
from keeptrusts.terraform import functions, identities
from keeptrusts.terraform.calls import Answer, DataCalls, EphemeralCalls, ResourceCalls, check_values, hide_all
from keeptrusts.terraform.checks import between, http_url
from keeptrusts.terraform.diagnostics import Diagnostics
from keeptrusts.terraform.failures import tell
from keeptrusts.terraform.labels import check as check_labels
from keeptrusts.terraform.plugin.messages import ANSWERS, REQUESTS, SERVICE
from keeptrusts.terraform.plugin.server import UnknownMethodError
from keeptrusts.terraform.plugin.values import UNKNOWN, WireError
from keeptrusts.terraform.schema import Attr, Values, attributes_of, describe, known, load, sensitive
from keeptrusts.terraform.session import Access, Session
from keeptrusts.terraform.sound import Sound, as_remembered

URL_VARIABLES: Final = ("KEEPTRUSTS_API_URL",)
KEY_VARIABLES: Final = ("KEEPTRUSTS_API_KEY", "KEEPTRUSTS_API_TOKEN")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderConfig:
    """Manages policy documents, gateways and webhooks of a Keeptrusts control plane."""

    api_url: Annotated[
        str | None, Attr(about="Address of the control plane. Or KEEPTRUSTS_API_URL.", check=http_url)
    ] = None
    api_key: Annotated[
        str | None,
        Attr(about="API key. Or KEEPTRUSTS_API_KEY, or KEEPTRUSTS_API_TOKEN.", sensitive=True),
    ] = None
    organization: Annotated[
        str | None,
        Attr(about="Id or name of the organisation that the key must belong to. Absent: any."),
    ] = None
    request_timeout_seconds: Annotated[
        int | None, Attr(about="Longest silence of the control plane; 30 when absent.", check=between(1, 3600))
    ] = None
    max_retries: Annotated[
        int | None,
        Attr(
            about="Further tries after 429, 502, 503, 504 and lost connections; 4 when absent.", check=between(0, 100)
        ),
    ] = None
    ca_certificate: Annotated[
        str | None, Attr(about="PEM text, or the path of a PEM file, of authorities trusted instead of the system's.")
    ] = None
    insecure_skip_verify: Annotated[
        bool | None, Attr(about="Do not verify the control plane's certificate. Only for tests.")
    ] = None
    default_labels: Annotated[
        dict[str, str] | None, Attr(about="Labels of every resource that has labels.", check=check_labels)
    ] = None


RESOURCES: Final[Mapping[str, str]] = {
    "keeptrusts_configuration": "resources.configuration:ConfigurationResource",
    "keeptrusts_gateway": "resources.gateway:GatewayResource",
    "keeptrusts_gateway_token": "resources.gateway_token:GatewayTokenResource",
    "keeptrusts_webhook": "resources.webhook:WebhookResource",
    "keeptrusts_api_key": "resources.api_key:ApiKeyResource",
    "keeptrusts_config_variable": "resources.config_variable:ConfigVariableResource",
}
"""Type -> where its class is; imported when it is used."""
DATA_SOURCES: Final[Mapping[str, str]] = {
    "keeptrusts_configuration": "data.configuration:ConfigurationSource",
    "keeptrusts_configurations": "data.configurations:ConfigurationsSource",
    "keeptrusts_drift": "data.drift:DriftSource",
    "keeptrusts_gateway": "data.gateway:GatewaySource",
    "keeptrusts_gateways": "data.gateways:GatewaysSource",
    "keeptrusts_policy_document": "data.policy_document:PolicyDocumentSource",
    "keeptrusts_policy_impact": "data.policy_impact:PolicyImpactSource",
    "keeptrusts_webhook": "data.webhook:WebhookSource",
}
EPHEMERALS: Final[Mapping[str, str]] = {
    "keeptrusts_gateway_token": "ephemeral.gateway_token:EphemeralGatewayToken",
    "keeptrusts_api_key": "ephemeral.api_key:EphemeralApiKey",
}
VALIDATED: Final[Mapping[str, Mapping[str, str] | None]] = {
    "ValidateProviderConfig": None,
    "ValidateResourceConfig": RESOURCES,
    "ValidateDataResourceConfig": DATA_SOURCES,
    "ValidateEphemeralResourceConfig": EPHEMERALS,
}
"""Calls of `main.VALIDATIONS` -> the types that they are about."""
CAPABILITIES: Final = {"plan_destroy": True, "get_provider_schema_optional": True}


class Provider:
    """One process of the provider."""

    def __init__(self, environment: Mapping[str, str] = os.environ, sound: Sound | None = None) -> None:
        self._environment = environment
        self._sound = sound
        self._session = Session()
        self._prompt: Mapping[str, Callable[[Answer], bool]] = {
            "ReadResource": self._is_at_hand,
            # a configured provider leaves documents to the plan
            "ValidateResourceConfig": lambda _: self._session.configured,
            # nothing is proposed; one that came just now as both is one object (`plugin.recent`)
            "PlanResourceChange": lambda request: request.get("prior_state") is request.get("proposed_new_state"),
        }
        """Whether a call can be answered without asking anybody and without reading a document."""
        self._methods: Mapping[str, Callable[[Answer], Answer]] = {
            "GetMetadata": self._metadata,
            "GetProviderSchema": self._schema,
            "GetResourceIdentitySchemas": lambda _: {"identity_schemas": dict.fromkeys(RESOURCES, identities.SCHEMA)},
            "UpgradeResourceIdentity": lambda request: self._resource(request).upgrade_identity(request),
            "GetFunctions": lambda _: {"functions": functions.describe()},
            "CallFunction": lambda request: functions.call(request.get("name", ""), request.get("arguments", ())),
            "ValidateProviderConfig": self._validate,
            "ConfigureProvider": self._configure,
            "StopProvider": self._stop,
            "ValidateResourceConfig": lambda request: self._resource(request).validate(request),
            "UpgradeResourceState": lambda request: self._resource(request).upgrade(request),
            "ReadResource": lambda request: self._resource(request).read(request),
            "PlanResourceChange": lambda request: self._resource(request).plan(request),
            "ApplyResourceChange": lambda request: self._resource(request).apply(request),
            "ImportResourceState": lambda request: self._resource(request).find(request),
            "ValidateDataResourceConfig": lambda request: self._data(request).validate(request),
            "ReadDataSource": lambda request: self._data(request).read(request),
            "ValidateEphemeralResourceConfig": lambda request: self._ephemeral(request).validate(request),
            "OpenEphemeralResource": lambda request: self._ephemeral(request).open(request),
            "CloseEphemeralResource": lambda request: self._ephemeral(request).close(request),
        }

    def handle(self, path: str, body: bytes) -> bytes:
        """
        Answer a call.

        Raises:
            UnknownMethodError: There is no such method.
            WireError: The request is not one.
        """
        name = path.removeprefix(SERVICE)
        method = self._methods.get(name)
        if method is None or not path.startswith(SERVICE):
            raise UnknownMethodError(path)
        request = REQUESTS[name].decode(body)
        answer = ANSWERS[name].encode(method(request))
        if self._sound is not None and not answer and self._may_be_remembered(name, request):
            self._sound.add(as_remembered(path, body))
        return answer

    def _may_be_remembered(self, name: str, request: Answer) -> bool:
        """Whether it was validated in full, and without a secret: a digest gives a poor one away."""
        if name not in VALIDATED or self._session.configured:
            return False
        types = VALIDATED[name]
        state = ProviderConfig if types is None else load_type(types, request.get("type_name", "")).state
        config = request.get("config") or {}
        return all(config.get(name) is None or config[name] is UNKNOWN for name in sensitive(state))

    def prompt(self, path: str, body: bytes) -> bytes | None:
        """
        Answer a call that needs no waiting; None for one that may, or is for `handle` to refuse.

        Raises:
            WireError: The request is not one.
        """
        name = path.removeprefix(SERVICE)
        needs_no_waiting = self._prompt.get(name)
        if needs_no_waiting is None:
            return None
        request = REQUESTS[name].decode(body)
        return ANSWERS[name].encode(self._methods[name](request)) if needs_no_waiting(request) else None

    def _is_at_hand(self, request: Answer) -> bool:
        state, noun = request.get("current_state"), load_type(RESOURCES, request.get("type_name", "")).noun
        return state is not None and self._session.reads.has(noun, state.get("id") or "")

    def _resource(self, request: Answer) -> ResourceCalls:
        return ResourceCalls(load_type(RESOURCES, request.get("type_name", "")), self._session)

    def _data(self, request: Answer) -> DataCalls:
        return DataCalls(load_type(DATA_SOURCES, request.get("type_name", "")), self._session)

    def _ephemeral(self, request: Answer) -> EphemeralCalls:
        return EphemeralCalls(load_type(EPHEMERALS, request.get("type_name", "")), self._session)

    def _metadata(self, _request: Answer) -> Answer:
        return {
            "server_capabilities": CAPABILITIES,
            "resources": [{"type_name": name} for name in RESOURCES],
            "data_sources": [{"type_name": name} for name in DATA_SOURCES],
            "functions": [{"name": name} for name in functions.FUNCTIONS],
            "ephemeral_resources": [{"type_name": name} for name in EPHEMERALS],
        }

    def _schema(self, _request: Answer) -> Answer:
        return {
            "provider": describe(ProviderConfig),
            "resource_schemas": _schemas(RESOURCES),
            "data_source_schemas": _schemas(DATA_SOURCES),
            "ephemeral_resource_schemas": _schemas(EPHEMERALS),
            "functions": functions.describe(),
            "server_capabilities": CAPABILITIES,
        }

    def _validate(self, request: Answer) -> Answer:
        diagnostics = Diagnostics()
        check_values(ProviderConfig, load(ProviderConfig, request.get("config")) or {}, diagnostics)
        return {"diagnostics": diagnostics.as_messages()}

    def _configure(self, request: Answer) -> Answer:
        diagnostics = Diagnostics()
        config = load(ProviderConfig, request.get("config")) or {}
        self._session.configured = True
        self._session.terraform_version = request.get("terraform_version", "")
        self._session.identities = identities.are_known_to(self._session.terraform_version)
        labels = config.get("default_labels")
        self._session.default_labels = (labels or {}) if known(labels) else None
        self._session.access = self._access(config, diagnostics)
        organization = config.get("organization")
        if organization is UNKNOWN:
            self._session.access = None
        elif organization is not None and self._session.access is not None:
            self._check_organization(organization, diagnostics)
        return {"diagnostics": diagnostics.as_messages()}

    def _access(self, config: Values, diagnostics: Diagnostics) -> Access | None:
        """None: unknown until apply, or missing, which is then reported."""
        url = self._value(config, "api_url", URL_VARIABLES)
        key = self._value(config, "api_key", KEY_VARIABLES)
        for name, value, variables in (("api_url", url, URL_VARIABLES), ("api_key", key, KEY_VARIABLES)):
            if value is None:
                places = " or ".join(variables)
                detail = f"Set `{name}` in the provider block, or {places} in the environment."
                diagnostics.error("The provider is not configured", detail, name)
        hide_all(key)
        settled = ("request_timeout_seconds", "max_retries", "ca_certificate", "insecure_skip_verify")
        if diagnostics.failed or not known([url, key, *(config.get(name) for name in settled)]):
            return None
        retries = config["max_retries"]
        return Access(
            api_url=url,
            api_key=key,
            timeout_seconds=config["request_timeout_seconds"] or 30,
            max_retries=4 if retries is None else retries,
            ca_certificate=config["ca_certificate"],
            insecure_skip_verify=bool(config["insecure_skip_verify"]),
        )

    def _value(self, config: Values, name: str, variables: tuple[str, ...]) -> Any:
        """As configured, else from the environment; an empty text is none."""
        given = config.get(name)
        if given is UNKNOWN or given:
            return given
        return next((value for one in variables if (value := self._environment.get(one))), None)

    def _check_organization(self, wanted: str, diagnostics: Diagnostics) -> None:
        try:
            me = self._session.client.whoami()
        except KeeptrustsError as error:
            tell(diagnostics, "find out whose key this is", error, attributes_of(ProviderConfig))
            return
        if wanted not in (me["organisation"], me["organisation_name"]):
            detail = (
                f"The API key belongs to `{me['organisation_name']}` (`{me['organisation']}`), not to `{wanted}`. "
                "Use a key of that organisation, or change `organization`."
            )
            diagnostics.error("This is a key of another organisation", detail, "organization")

    def _stop(self, _request: Answer) -> Answer:
        """Terraform was interrupted: give up waiting, and finish what was begun."""
        self._session.stopping.set()
        return {}


def _schemas(types: Mapping[str, str]) -> dict[str, Any]:
    return {name: describe(load_type(types, name).state) for name in types}


def load_type(types: Mapping[str, str], name: str) -> Any:
    """
    The class of a resource or data source.

    Raises:
        WireError: There is none of this name.
    """
    if name not in types:
        raise WireError("there is no type of this name")
    place = types[name]
    found = _loaded.get(place)
    if found is None:
        module, _, kind = place.partition(":")
        found = _loaded[place] = getattr(import_module(f"keeptrusts.terraform.{module}"), kind)
    return found


_loaded: dict[str, Any] = {}
