"""Data source `keeptrusts_configurations`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from keeptrusts.terraform import labels
from keeptrusts.terraform.resource import DataSource
from keeptrusts.terraform.schema import Attr


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedConfiguration:
    """One of them; the document itself is read with `keeptrusts_configuration`."""

    id: Annotated[str, Attr(about="Id of the configuration.", computed=True)]
    name: Annotated[str, Attr(about="Its name.", computed=True)]
    description: Annotated[str | None, Attr(about="What it is for.", computed=True)] = None
    labels: Annotated[dict[str, str], Attr(about="All its labels.", computed=True)]
    version: Annotated[int, Attr(about="Version now current.", computed=True)]
    content_digest: Annotated[str, Attr(about="Digest of the document with its defaults.", computed=True)]
    policy_kinds: Annotated[tuple[str, ...], Attr(about="Kinds of the chain, in order.", computed=True)]
    managed_by: Annotated[str, Attr(about="`terraform`, `console`, `cli` or `api`.", computed=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationsFound:
    """The configurations that have all the given labels, by name."""

    labels: Annotated[
        dict[str, str] | None, Attr(about="Labels that each has; absent: every configuration.", check=labels.check)
    ] = None
    ids: Annotated[tuple[str, ...], Attr(about="Their ids, in the order of their names.", computed=True)] = ()
    configurations: Annotated[tuple[ListedConfiguration, ...], Attr(about="What they are.", computed=True)] = ()


class ConfigurationsSource(DataSource[ConfigurationsFound]):
    type_name = "keeptrusts_configurations"
    noun = "configurations"
    state = ConfigurationsFound

    def read(self, config: ConfigurationsFound) -> ConfigurationsFound:
        found = list(self.session.client.configurations.each(labels.query(config.labels)))
        found.sort(key=lambda one: one["name"])
        listed = tuple(
            ListedConfiguration(
                id=one["id"],
                name=one["name"],
                description=one["description"],
                labels=one["labels"],
                version=one["version"],
                content_digest=one["content_digest"],
                policy_kinds=tuple(one["policy_kinds"]),
                managed_by=one["managed_by"],
            )
            for one in found
        )
        return ConfigurationsFound(labels=config.labels, ids=tuple(one.id for one in listed), configurations=listed)
