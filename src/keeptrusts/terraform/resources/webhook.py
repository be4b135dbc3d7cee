"""`keeptrusts_webhook`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from keeptrusts.core.errors import ApiError
from keeptrusts.terraform import writing
from keeptrusts.terraform.checks import between, event_types, http_url, length, signing_secret
from keeptrusts.terraform.planning import Change
from keeptrusts.terraform.plugin.values import UNKNOWN
from keeptrusts.terraform.resource import Resource, changed_fields, selector
from keeptrusts.terraform.schema import Attr, Values

TYPE_CHECKING = False
if TYPE_CHECKING:  # at run time they cost more than all the rest of this module
    from keeptrusts.api.webhooks import Webhook


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookState:
    """An endpoint that is told of events, with a signature it can check."""

    id: Annotated[str, Attr(about="Id of the webhook.", computed=True, follows=())] = ""
    url: Annotated[str, Attr(about="Where messages are posted to.", required=True, check=http_url)]
    description: Annotated[str | None, Attr(about="What it is for.", check=length(0, 2000))] = None
    event_types: Annotated[
        frozenset[str],
        Attr(about="Exact names or patterns: `event.blocked`, `escalation.*`, `*`.", required=True, check=event_types),
    ]
    active: Annotated[bool, Attr(about="Whether messages are sent.")] = True
    format: Annotated[
        Literal["standard", "slack", "cloudevents"] | None,
        Attr(
            about="`standard`, `slack` or `cloudevents`. Absent: guessed from the URL.",
            optional=True,
            computed=True,
            follows=("url",),
        ),
    ] = None
    headers: Annotated[
        dict[str, str] | None,
        Attr(about="Sent with each message. The control plane never shows their values again.", sensitive=True),
    ] = None
    secret: Annotated[
        str | None,
        Attr(
            about="Signs the messages; kept in the state. Prefer `secret_wo`, or neither: one is made.",
            sensitive=True,
            check=signing_secret,
        ),
    ] = None
    secret_wo: Annotated[
        str | None,
        Attr(
            about="Signs the messages; never in plan or state. Terraform 1.11 or later.",
            sensitive=True,
            write_only=True,
            check=signing_secret,
        ),
    ] = None
    secret_wo_version: Annotated[
        int | None, Attr(about="Change it to send a new `secret_wo`.", check=between(0, 2**31 - 1))
    ] = None
    signing_secret: Annotated[
        str | None,
        Attr(
            about="The secret that the control plane made; receivers check signatures with it. Null when you gave one, "
            "and after an import.",
            computed=True,
            sensitive=True,
            by_plan=True,
        ),
    ] = None
    created_at: Annotated[str, Attr(about="RFC 3339, UTC.", computed=True, follows=())] = ""


class WebhookResource(Resource[WebhookState]):
    type_name = "keeptrusts_webhook"
    noun = "webhooks"
    import_key = "url"
    state = WebhookState

    def validate(self, config: Values) -> None:
        if config["secret"] is not None and config["secret_wo"] is not None:
            self.diagnostics.error("Two secrets", "Set `secret` or `secret_wo`, not both.", "secret")
        if (config["secret_wo"] is None) != (config["secret_wo_version"] is None):
            detail = "`secret_wo` and `secret_wo_version` go together: the version tells when to send the secret."
            self.diagnostics.error("An argument is missing", detail, "secret_wo_version")

    def plan(self, change: Change) -> None:
        given = change.config["secret"] is not None or change.config["secret_wo"] is not None
        before = change.prior
        if given:
            change.planned["signing_secret"] = None
        elif before is None or before["secret"] is not None or before["secret_wo_version"] is not None:
            change.planned["signing_secret"] = UNKNOWN

    def create(self, planned: WebhookState) -> WebhookState:
        wanted = {**_body(planned), "secret": planned.secret or planned.secret_wo}
        draft = {name: value for name, value in wanted.items() if value is not None}
        made: Webhook = writing.create(self.session, self.diagnostics, self.session.client.webhooks, draft)
        return _state(made, replace(planned, signing_secret=made.get("secret")))

    def read(self, prior: WebhookState) -> WebhookState | None:
        found = self.session.reads.get(self.noun, prior.id)
        return _state(found, prior) if found else None

    def update(self, prior: WebhookState, planned: WebhookState) -> WebhookState:
        patch = changed_fields(_body(prior), _body(planned)) | _new_secret(prior, planned)
        ours = _has_own(prior) and not _has_own(planned)
        if not patch and not ours:
            return planned
        mine = self.session.client.webhooks
        found = writing.fetch_unchanged(self.session, mine, prior.id, lambda now: _is_prior(now, prior))
        if found is None:
            raise ApiError(f"there is no `{prior.id}` any more", code="not_found", status=404)
        now: Webhook = writing.update(self.session, mine, found, patch) if patch else found.value
        if ours:
            now = {**now, "secret": mine.rotate_secret(prior.id)["secret"]}
        kept = now.get("secret") if ours else planned.signing_secret
        return _state(now, replace(planned, signing_secret=kept))

    def delete(self, prior: WebhookState) -> None:
        writing.delete(self.session, self.session.client.webhooks, prior.id, lambda now: _is_prior(now, prior))

    def find(self, identifier: str) -> WebhookState | None:
        url = selector(identifier, self.import_key)
        if url is None:
            found = self.session.reads.get(self.noun, identifier)
        else:
            found = by_url(self.session.client.webhooks.each(), url)
        return _state(found, None) if found else None


def by_url(webhooks: Any, url: str) -> Any:
    """
    The one webhook with this URL; None when there is none.

    Raises:
        ApiError: There are several.
    """
    found = [webhook for webhook in webhooks if webhook["url"] == url]
    if len(found) > 1:
        listed = ", ".join(f"`{webhook['id']}`" for webhook in found)
        raise ApiError(f"several webhooks have this url: {listed}; use the id of one", code="ambiguous")
    return found[0] if found else None


def _body(wanted: WebhookState) -> dict[str, Any]:
    return {
        "url": wanted.url,
        "description": wanted.description,
        "event_types": sorted(wanted.event_types),
        "active": wanted.active,
        "format": wanted.format,
        "headers": wanted.headers or None,
    }


def _new_secret(prior: WebhookState, planned: WebhookState) -> dict[str, Any]:
    """The secret to send, if there is a new one."""
    if planned.secret is not None:
        return {"secret": planned.secret} if planned.secret != prior.secret else {}
    if planned.secret_wo is not None and planned.secret_wo_version != prior.secret_wo_version:
        return {"secret": planned.secret_wo}
    return {}


def _has_own(state: WebhookState) -> bool:
    """Whether the user gave the secret."""
    return state.secret is not None or state.secret_wo_version is not None


def _is_prior(now: Mapping[str, Any], prior: WebhookState) -> bool:
    return (
        now["url"] == prior.url
        and (now["description"] or None) == (prior.description or None)
        and frozenset(now["event_types"]) == prior.event_types
        and now["active"] == prior.active
        and now["format"] == prior.format
        and _lower(now["header_names"]) == _lower(prior.headers or {})
    )


def _lower(names: Any) -> set[str]:
    return {name.lower() for name in names}


def _state(found: Webhook, local: WebhookState | None) -> WebhookState:
    before = (local.headers if local else None) or {}
    headers = before
    if _lower(found["header_names"]) != _lower(before):
        # added or dropped elsewhere: shown as a difference, although the value is not known
        held = {name.lower(): value for name, value in before.items()}
        headers = {name: held.get(name.lower(), "") for name in found["header_names"]}
    return WebhookState(
        id=found["id"],
        url=found["url"],
        description=found["description"] or None,
        event_types=frozenset(found["event_types"]),
        active=found["active"],
        format=found["format"],
        headers=headers or None,
        secret=local.secret if local else None,
        secret_wo_version=local.secret_wo_version if local else None,
        signing_secret=local.signing_secret if local else None,
        created_at=found["created_at"],
    )
