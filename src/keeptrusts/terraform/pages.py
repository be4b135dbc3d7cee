"""The reference pages of the provider, as the Terraform registry lays them out, made from the schemas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from keeptrusts.api.webhooks import EVENT_TYPES
from keeptrusts.terraform import examples
from keeptrusts.terraform.functions import FUNCTIONS, STRING, Function
from keeptrusts.terraform.provider import (
    DATA_SOURCES,
    EPHEMERALS,
    KEY_VARIABLES,
    RESOURCES,
    URL_VARIABLES,
    ProviderConfig,
    load_type,
)
from keeptrusts.terraform.resource import api_path
from keeptrusts.terraform.schema import Attribute, about, attributes_of

_TYPES: Final = {
    "string": "String",
    "number": "Number",
    "bool": "Boolean",
    "map": "Map of String",
    "set": "Set of String",
    "list": "List of String",
    "object": "Block",
    "objects": "Attributes List",
}
_WRITE_ONLY: Final = (
    "[Write-only](https://developer.hashicorp.com/terraform/language/resources/ephemeral#write-only-arguments)"
)
_SECTIONS: Final[Mapping[str, Callable[[Attribute], bool]]] = {
    "Required": lambda one: one.attr.required,
    "Optional": lambda one: one.optional,
    "Read-Only": lambda one: not one.attr.required and not one.optional,
}


def pages() -> dict[str, str]:
    """Every page by its path: `index.md`, `resources/gateway.md`, `functions/lint.md`, ..."""
    found = {"index.md": _index()}
    for name in RESOURCES:
        found[f"resources/{_short(name)}.md"] = _resource(name)
    for name in DATA_SOURCES:
        found[f"data-sources/{_short(name)}.md"] = _data_source(name)
    for name in EPHEMERALS:
        found[f"ephemeral-resources/{_short(name)}.md"] = _ephemeral(name)
    for name, function in FUNCTIONS.items():
        found[f"functions/{name}.md"] = _function(name, function)
    return found


def write(folder: Path) -> list[Path]:
    """Write every page below a folder."""
    written = []
    for name, text in pages().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


VERSIONS: Final = """\
## Versions of Terraform

| needs | for |
|---|---|
| 1.5 | all that is not named here |
| 1.8 | functions |
| 1.10 | ephemeral resources |
| 1.11 | write-only arguments: `value_wo`, `secret_wo` |
| 1.12 | identities of objects, and imports by them |

What a version lacks is left out; a write-only argument that it does not know is an error at validate.

The provider runs with the first `python3` on the `PATH`, 3.11 or later, and needs nothing else. Which documents and
arguments it found without fault it remembers as digests in `.terraform/keeptrusts-sound`, never of arguments with a
secret, and which Terraform started it last in `.terraform/keeptrusts-last-run`; both files may be deleted."""


def _index() -> str:
    url, key = (", ".join(f"`{one}`" for one in names) for names in (URL_VARIABLES, KEY_VARIABLES))
    environment = (
        f"`api_url` may come from {url} and `api_key` from {key}; the first that is set counts, and an argument of the "
        "provider block goes before all of them. No call is made by `terraform validate`."
    )
    return _page(
        ("keeptrusts Provider", about(ProviderConfig)),
        "# keeptrusts Provider",
        about(ProviderConfig),
        "Install it with `kt terraform install`; then a plain `terraform init` finds it. Terraform 1.5 or later.",
        _example(examples.PROVIDER),
        f"## Environment variables\n\n{environment}",
        VERSIONS,
        *_schema(ProviderConfig),
    )


def _resource(name: str) -> str:
    kind = load_type(RESOURCES, name)
    parts = [_example(examples.RESOURCES[name]), *_schema(kind.state)]
    if name == "keeptrusts_webhook":
        listed = "\n".join(f"- `{one}`" for one in EVENT_TYPES)
        parts.append(f"## Event types\n\n`*` stands for all of them, `event.*` for those of a noun.\n\n{listed}")
    return _titled(name, "Resource", kind.state, *parts, _import(name, kind.import_key))


def _data_source(name: str) -> str:
    kind = load_type(DATA_SOURCES, name)
    return _titled(name, "Data Source", kind.state, _example(examples.DATA_SOURCES[name]), *_schema(kind.state))


def _ephemeral(name: str) -> str:
    kind = load_type(EPHEMERALS, name)
    parts = [_example(examples.EPHEMERALS[name]), *_schema(kind.state)]
    return _titled(name, "Ephemeral Resource", kind.state, "Terraform 1.10 or later.", *parts)


def _function(name: str, function: Function) -> str:
    signature = ", ".join(f"{argument} string" for argument in function.arguments)
    returns = "string" if function.returns == STRING else "list of object"
    arguments = (f"{at}. `{one}` (String) {about}" for at, (one, about) in enumerate(function.arguments.items(), 1))
    return _page(
        (f"{name} function - keeptrusts", function.summary),
        f"# function: {name}",
        f"{function.about} Terraform 1.8 or later.",
        _example(examples.FUNCTIONS[name]),
        f"## Signature\n\n```text\n{name}({signature}) {returns}\n```",
        "## Arguments\n\n" + "\n".join(arguments),
    )


def _titled(name: str, what: str, state: type, *parts: str) -> str:
    return _page((f"{name} {what} - keeptrusts", about(state)), f"# {name} ({what})", about(state), *parts)


def _page(front: tuple[str, str], *parts: str) -> str:
    title, description = front
    head = f'---\npage_title: "{title}"\nsubcategory: ""\ndescription: |-\n  {description}\n---'
    return "\n\n".join((head, *parts)) + "\n"


def _example(text: str) -> str:
    return f"## Example Usage\n\n```terraform\n{text.rstrip()}\n```"


def _schema(state: type) -> list[str]:
    attributes = attributes_of(state).values()
    parts = ["## Schema"]
    for title, belongs in _SECTIONS.items():
        lines = [_line(one) for one in attributes if belongs(one)]
        if lines:
            parts.append(f"### {title}\n\n" + "\n".join(lines))
    parts.extend(_nested(one) for one in attributes if one.inner is not None)
    return parts


def _line(one: Attribute) -> str:
    told = [one.attr.about]
    if one.default is not None:
        told.append(f"Default: `{_literal(one.default)}`.")
    if one.attr.replaces:
        told.append("A change makes a new one.")
    if one.inner is not None:
        told.append(f"See [below](#nested--{one.name}).")
    return f"- `{one.name}` ({', '.join(_words(one))}) {' '.join(told)}"


def _words(one: Attribute) -> Iterable[str]:
    yield _TYPES[one.kind]
    if one.attr.sensitive:
        yield "Sensitive"
    if one.attr.write_only:
        yield _WRITE_ONLY


def _literal(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _nested(one: Attribute) -> str:
    assert one.inner is not None
    lines = "\n".join(_line(inner) for inner in attributes_of(one.inner).values())
    return f'<a id="nested--{one.name}"></a>\n### Nested Schema for `{one.name}`\n\n{lines}'


def _import(name: str, key: str) -> str:
    label, *given = examples.IMPORTS[name]
    block = f'import {{\n  to = {name}.{label}\n  id = "{given[-1]}"\n}}'
    lines = "\n".join(f"terraform import {name}.{label} {one}" for one in given)
    by = f"By id, or by `{key}=...`." if key else "By id."
    secret = examples.LOST_BY_IMPORT.get(name, "")
    identity = f'import {{\n  to = {name}.{label}\n  identity = {{\n    id = "{given[0]}"\n  }}\n}}'
    return (
        f"## Import\n\n{by} `GET {api_path(load_type(RESOURCES, name).noun)}` lists what there is.{secret}\n\n"
        f"```shell\n{lines}\n```\n\n```terraform\n{block}\n```\n\n"
        f"Terraform 1.12 or later also takes the identity, which is the id:\n\n```hcl\n{identity}\n```"
    )


def _short(name: str) -> str:
    return name.removeprefix("keeptrusts_")
