"""
Terraform files for what a control plane holds already: resources, `import` blocks, and the documents beside them.

Applying them imports everything and changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from keeptrusts.core.version import VERSION
from keeptrusts.terraform.hcl import Expression, block

if TYPE_CHECKING:
    from keeptrusts.api.configurations import Configuration
    from keeptrusts.api.gateways import Gateway
    from keeptrusts.api.webhooks import Webhook

VERSIONS: Final = f"""\
terraform {{
  required_version = ">= 1.5"

  required_providers {{
    keeptrusts = {{
      source  = "keeptrusts/keeptrusts"
      version = "~> {VERSION.partition(".")[0]}.0"
    }}
  }}
}}

# The address and the key come from KEEPTRUSTS_API_URL and KEEPTRUSTS_API_TOKEN.
provider "keeptrusts" {{}}
"""
_KEPT_HEADERS: Final = """\
  lifecycle {
    # their values are never shown; give them here to manage them
    ignore_changes = [headers]
  }"""


@dataclass(slots=True)
class Labels:
    """Names of blocks: of the object's own name, and no two alike."""

    taken: set[str] = field(default_factory=set)

    def label(self, name: str) -> str:
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "unnamed"
        wanted = plain if plain[0].isalpha() else f"_{plain}"
        found = next(one for one in _numbered(wanted) if one not in self.taken)
        self.taken.add(found)
        return found


def files_for(
    configurations: Iterable[Configuration], gateways: Iterable[Gateway], webhooks: Iterable[Webhook]
) -> dict[str, str]:
    """Path to text of every file."""
    files = {"versions.tf": VERSIONS}
    imports: list[str] = []
    references: dict[str, Expression] = {}
    blocks = list(_configurations(configurations, imports, references, files))
    files["configurations.tf"] = "\n".join(blocks)
    files["gateways.tf"] = "\n".join(_gateways(gateways, imports, references))
    files["webhooks.tf"] = "\n".join(_webhooks(webhooks, imports))
    files["imports.tf"] = "\n".join(imports)
    return {path: text for path, text in files.items() if text}


def _configurations(
    found: Iterable[Configuration], imports: list[str], references: dict[str, Expression], files: dict[str, str]
) -> Iterator[str]:
    labels = Labels()
    for one in found:
        label = labels.label(one["name"])
        address = f"keeptrusts_configuration.{label}"
        imports.append(_import(address, one["id"]))
        references[one["id"]] = Expression(f"{address}.id")
        path = f"policies/{label}.yaml"
        files[path] = one["policy_yaml"]
        yield block(
            f'resource "keeptrusts_configuration" "{label}"',
            _given({
                "name": one["name"],
                "description": one["description"],
                "policy_yaml": Expression(f'file("${{path.module}}/{path}")'),
                "labels": one["labels"],
            }),
        )  # fmt: skip


def _gateways(found: Iterable[Gateway], imports: list[str], references: Mapping[str, Expression]) -> Iterator[str]:
    labels = Labels()
    for one in found:
        label = labels.label(one["name"])
        imports.append(_import(f"keeptrusts_gateway.{label}", one["id"]))
        configuration = one["configuration_id"]
        yield block(
            f'resource "keeptrusts_gateway" "{label}"',
            _given({
                "name": one["name"],
                "description": one["description"],
                "environment": one["environment"],
                "configuration_id": references.get(configuration or "", configuration),
                "configuration_version": one["configuration_version"],
                "fail_mode": one["fail_mode"],
                "labels": one["labels"],
            }),
        )  # fmt: skip


def _webhooks(found: Iterable[Webhook], imports: list[str]) -> Iterator[str]:
    labels = Labels()
    for one in found:
        label = labels.label(one["description"] or one["url"].partition("://")[2].partition("/")[0])
        imports.append(_import(f"keeptrusts_webhook.{label}", one["id"]))
        yield block(
            f'resource "keeptrusts_webhook" "{label}"',
            _given({
                "url": one["url"],
                "description": one["description"],
                "event_types": sorted(one["event_types"]),
                "active": one["active"],
                "format": one["format"],
            }),
            *([_KEPT_HEADERS] if one["header_names"] else []),
        )  # fmt: skip


def _given(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What is worth a line: neither null nor empty."""
    return [(name, value) for name, value in values.items() if value is not None and value not in ("", {})]


def _import(address: str, identifier: str) -> str:
    return block("import", [("to", Expression(address)), ("id", identifier)])


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}_{number}"
        number += 1
