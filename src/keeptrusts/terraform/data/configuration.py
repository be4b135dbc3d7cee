"""Data source `keeptrusts_configuration`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from keeptrusts.terraform.resource import DataSource, exactly_one
from keeptrusts.terraform.schema import Attr, Values


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationFound:
    """A policy document that something else manages."""

    id: Annotated[str | None, Attr(about="Id of the configuration; or give `name`.", optional=True, computed=True)] = (
        None
    )
    name: Annotated[str | None, Attr(about="Its name; or give `id`.", optional=True, computed=True)] = None
    description: Annotated[str | None, Attr(about="What it is for.", computed=True)] = None
    policy_yaml: Annotated[str, Attr(about="The document now current.", computed=True)] = ""
    labels: Annotated[dict[str, str] | None, Attr(about="All its labels.", computed=True)] = None
    version: Annotated[int, Attr(about="Version now current.", computed=True)] = 0
    content_digest: Annotated[str, Attr(about="Digest of the document with its defaults.", computed=True)] = ""
    policy_kinds: Annotated[tuple[str, ...], Attr(about="Kinds of the chain, in order.", computed=True)] = ()
    managed_by: Annotated[str, Attr(about="`terraform`, `console`, `cli` or `api`.", computed=True)] = ""
    created_at: Annotated[str, Attr(about="RFC 3339, UTC.", computed=True)] = ""
    updated_at: Annotated[str, Attr(about="RFC 3339, UTC.", computed=True)] = ""


class ConfigurationSource(DataSource[ConfigurationFound]):
    type_name = "keeptrusts_configuration"
    noun = "configurations"
    state = ConfigurationFound

    def validate(self, config: Values) -> None:
        exactly_one(config, self.diagnostics, "id", "name")

    def read(self, config: ConfigurationFound) -> ConfigurationFound | None:
        if config.id is not None:
            found = self.session.reads.get(self.noun, config.id)
        else:
            found = self.session.client.configurations.find(config.name or "")
        if found is None:
            return None
        return ConfigurationFound(
            id=found["id"],
            name=found["name"],
            description=found["description"],
            policy_yaml=found["policy_yaml"],
            labels=found["labels"],
            version=found["version"],
            content_digest=found["content_digest"],
            policy_kinds=tuple(found["policy_kinds"]),
            managed_by=found["managed_by"],
            created_at=found["created_at"],
            updated_at=found["updated_at"],
        )
