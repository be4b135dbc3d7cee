"""Data source `keeptrusts_webhook`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from keeptrusts.terraform.resource import DataSource, exactly_one
from keeptrusts.terraform.resources.webhook import by_url
from keeptrusts.terraform.schema import Attr, Values


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookFound:
    """An endpoint that something else manages. Its secret and its headers' values are never shown."""

    id: Annotated[str | None, Attr(about="Id of the webhook; or give `url`.", optional=True, computed=True)] = None
    url: Annotated[str | None, Attr(about="Its URL; or give `id`.", optional=True, computed=True)] = None
    description: Annotated[str | None, Attr(about="What it is for.", computed=True)] = None
    event_types: Annotated[frozenset[str], Attr(about="What it is told of.", computed=True)] = frozenset()
    active: Annotated[bool, Attr(about="Whether messages are sent.", computed=True)] = False
    format: Annotated[str, Attr(about="`standard`, `slack` or `cloudevents`.", computed=True)] = ""
    header_names: Annotated[frozenset[str], Attr(about="Headers that are sent along.", computed=True)] = frozenset()
    disabled_reason: Annotated[str | None, Attr(about="Why the control plane turned it off.", computed=True)] = None
    created_at: Annotated[str, Attr(about="RFC 3339, UTC.", computed=True)] = ""
    updated_at: Annotated[str, Attr(about="RFC 3339, UTC.", computed=True)] = ""


class WebhookSource(DataSource[WebhookFound]):
    type_name = "keeptrusts_webhook"
    noun = "webhooks"
    state = WebhookFound

    def validate(self, config: Values) -> None:
        exactly_one(config, self.diagnostics, "id", "url")

    def read(self, config: WebhookFound) -> WebhookFound | None:
        if config.id is not None:
            found = self.session.reads.get(self.noun, config.id)
        else:
            found = by_url(self.session.client.webhooks.each(), config.url or "")
        if found is None:
            return None
        return WebhookFound(
            id=found["id"],
            url=found["url"],
            description=found["description"],
            event_types=frozenset(found["event_types"]),
            active=found["active"],
            format=found["format"],
            header_names=frozenset(found["header_names"]),
            disabled_reason=found["disabled_reason"],
            created_at=found["created_at"],
            updated_at=found["updated_at"],
        )
