"""
Terraform files for what a control plane holds already: resources, `import` blocks, and the documents beside them.

Applying them imports everything and changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from keeptrusts.core.version import VERSION
from keeptrusts.terraform.credentials import is_over, lifetime_from
from keeptrusts.terraform.hcl import Expression, attributes, block

if TYPE_CHECKING:
    from keeptrusts.api.configurations import Configuration
    from keeptrusts.api.gateways import Deployment, Gateway
    from keeptrusts.api.tokens import Key
    from keeptrusts.api.variables import Variable
    from keeptrusts.api.webhooks import Webhook

PLAIN_SINCE: Final = "1.5"
SECRETS_SINCE: Final = "1.11"
VERSIONS: Final = """\
terraform {{
  required_version = ">= {terraform}"

  required_providers {{
    keeptrusts = {{
      source  = "keeptrusts/keeptrusts"
      version = "~> {major}.0"
    }}
  }}
}}

# The address and the key come from KEEPTRUSTS_API_URL and KEEPTRUSTS_API_TOKEN.
provider "keeptrusts" {{}}
"""
SECRETS: Final = """\
# The control plane never shows a value again, so none is here and nothing is sent. To send a new one, set both
# variables of the secret, and the version to another number each time:
#   TF_VAR_{name}=... terraform apply -var {version}=1

"""
CREDENTIALS: Final = """\
# Each was shown once, to whoever made it. Terraform manages them without knowing them: `key` and `token` are null. To
# have one that Terraform knows: terraform apply -replace=ADDRESS, after which the old one is refused.
# To take a block away revokes its credential.

"""
_KEPT_HEADERS: Final = """\
  lifecycle {
    # their values are never shown; give them here to manage them
    ignore_changes = [headers]
  }"""
_OWN_KEY: Final = """\
  lifecycle {
    # these files were written with it: without it Terraform itself may be locked out
    prevent_destroy = true
  }"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """
    What an organisation has.

    Args:
        keys: Of people, of automation, and of gateways.
        own_key: The id of the one that reads all this.
    """

    configurations: Sequence[Configuration] = ()
    gateways: Sequence[Gateway] = ()
    webhooks: Sequence[Webhook] = ()
    variables: Sequence[Variable] = ()
    keys: Sequence[Key] = ()
    own_key: str = ""


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


class Adoption:
    """The files in the making: what is written so far can be referred to by what comes after."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self._imports: list[str] = []
        self._references: dict[str, Expression] = {}
        self._labels: dict[str, Labels] = {}

    def resource(self, kind: str, name: str, identifier: str) -> str:
        """The label of a new block, which is imported and can be referred to."""
        label = self._labels.setdefault(kind, Labels()).label(name)
        address = f"keeptrusts_{kind}.{label}"
        self._references[identifier] = Expression(f"{address}.id")
        self._imports.append(block("import", [("to", Expression(address)), ("id", identifier)]))
        return label

    def reference(self, identifier: str | None) -> str | None:
        """To the block of this object; the id itself where there is none."""
        return self._references.get(identifier or "", identifier)

    def write(self, path: str, blocks: Iterable[str], head: str = "") -> None:
        text = "\n".join(blocks)
        if text:
            self.files[path] = head + text

    def finish(self, versions: str) -> dict[str, str]:
        self.write("imports.tf", self._imports)
        return {"versions.tf": versions, **self.files}


def files_for(holdings: Holdings) -> dict[str, str]:
    """Path to text of every file."""
    made = Adoption()
    made.write("configurations.tf", list(_configurations(_sorted(holdings.configurations), made)))
    made.write("gateways.tf", list(_gateways(_sorted(holdings.gateways), made)))
    made.write("webhooks.tf", list(_webhooks(_sorted(holdings.webhooks, "url"), made)))
    _write_variables(_sorted(holdings.variables), made)
    keys = _sorted(one for one in holdings.keys if not is_over(one))
    made.write("credentials.tf", list(_credentials(keys, holdings, made)), CREDENTIALS)
    since = SECRETS_SINCE if holdings.variables else PLAIN_SINCE
    return made.finish(VERSIONS.format(terraform=since, major=VERSION.partition(".")[0]))


def _sorted(found: Iterable[Any], by: str = "name") -> list[Any]:
    """A later export gives the same files, and of two that are named alike the older one has the plain label."""
    return sorted(found, key=lambda one: (one[by], one["id"]))


def _configurations(found: Iterable[Configuration], made: Adoption) -> Iterator[str]:
    for one in found:
        label = made.resource("configuration", one["name"], one["id"])
        path = f"policies/{label}.yaml"
        made.files[path] = one["policy_yaml"]
        yield block(
            f'resource "keeptrusts_configuration" "{label}"',
            _given({
                "name": one["name"],
                "description": one["description"],
                "policy_yaml": Expression(f'file("${{path.module}}/{path}")'),
                "labels": one["labels"],
            }),
        )  # fmt: skip


def _gateways(found: Iterable[Gateway], made: Adoption) -> Iterator[str]:
    for one in found:
        label = made.resource("gateway", one["name"], one["id"])
        yield block(
            f'resource "keeptrusts_gateway" "{label}"',
            _given({
                "name": one["name"],
                "description": one["description"],
                "environment": one["environment"],
                "configuration_id": made.reference(one["configuration_id"]),
                "configuration_version": one["configuration_version"],
                "fail_mode": one["fail_mode"],
                "labels": one["labels"],
            }),
            *_rollout(one["deployment"]),
        )  # fmt: skip


def _rollout(deployment: Deployment) -> list[str]:
    if deployment["strategy"] == "all":
        return []
    lines = attributes([("strategy", "canary"), ("canary_percent", deployment["percent"])], 4)
    return ["\n".join(["  rollout {", *lines, "  }"])]


def _webhooks(found: Iterable[Webhook], made: Adoption) -> Iterator[str]:
    for one in found:
        name = one["description"] or one["url"].partition("://")[2].partition("/")[0]
        label = made.resource("webhook", name, one["id"])
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


def _write_variables(found: Iterable[Variable], made: Adoption) -> None:
    names, blocks, example = Labels(), [], None
    for one in found:
        label = made.resource("config_variable", one["name"], one["id"])
        value, version = names.label(label), names.label(f"{label}_version")
        example = example or SECRETS.format(name=value, version=version)
        nothing = ("default", None)
        blocks += [
            block(f'variable "{value}"', [("type", Expression("string")), ("ephemeral", True), nothing]),
            block(f'variable "{version}"', [("type", Expression("number")), nothing]),
            block(
                f'resource "keeptrusts_config_variable" "{label}"',
                _given({
                    "name": one["name"],
                    "description": one["description"],
                    "value_wo": Expression(f"var.{value}"),
                    "value_wo_version": Expression(f"var.{version}"),
                    "allowed_hosts": sorted(one["allowed_hosts"] or ()) or None,
                }),
            ),
        ]  # fmt: skip
    made.write("config_variables.tf", blocks, example or "")


def _credentials(keys: Iterable[Key], holdings: Holdings, made: Adoption) -> Iterator[str]:
    names = {one["id"]: one["name"] for one in holdings.gateways}
    for one in keys:
        gateway = one["gateway_id"]
        own = [_OWN_KEY] if one["id"] == holdings.own_key else []
        if gateway is None:
            label = made.resource("api_key", one["name"], one["id"])
            head = f'resource "keeptrusts_api_key" "{label}"'
            given = {"name": one["name"], "role": one["role"], "scopes": sorted(one["scopes"]) or None}
        else:
            label = made.resource("gateway_token", names.get(gateway, one["name"]), one["id"])
            head = f'resource "keeptrusts_gateway_token" "{label}"'
            given = {"gateway_id": made.reference(gateway)}
        yield block(head, _given({**given, "expires_in": lifetime_from(one)}), *own)


def _given(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What is worth a line: neither null nor empty."""
    return [(name, value) for name, value in values.items() if value is not None and value not in ("", {})]


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}_{number}"
        number += 1
