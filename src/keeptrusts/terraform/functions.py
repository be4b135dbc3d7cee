"""What a module can ask of a document: `provider::keeptrusts::lint(...)`. Needs Terraform 1.8 or later."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from keeptrusts.core.errors import InputError
from keeptrusts.terraform.failures import item_text
from keeptrusts.terraform.plugin.logs import without_secrets
from keeptrusts.terraform.plugin.values import WireError

FINDING: Final[Mapping[str, str]] = {
    "code": "string",
    "severity": "string",
    "path": "string",
    "line": "number",
    "column": "number",
    "message": "string",
    "suggestion": "string",
}
"""A finding's attributes and their types."""
STRING: Final = '"string"'
FINDINGS: Final = '["list",["object",{' + ",".join(f'"{name}":"{kind}"' for name, kind in FINDING.items()) + "}]]"


class ArgumentError(Exception):
    """
    An argument is not what the function takes.

    Args:
        position: Of the argument, from 0.
    """

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.position = position


@dataclass(frozen=True, slots=True)
class Function:
    """
    What Terraform and the reference page are told of a function; each argument is a text.

    Args:
        returns: The type as cty writes it.
    """

    summary: str
    about: str
    arguments: Mapping[str, str]
    returns: str
    call: Callable[..., Any]


def lint(text: str) -> list[dict[str, Any]]:
    """What `kt policy lint` finds, errors first."""
    from keeptrusts.policy.lint import lint_document

    report = lint_document(text)
    return [{name: getattr(finding, name) for name in FINDING} for finding in (*report.errors, *report.warnings)]


def digest(text: str) -> str:
    """The digest that a gateway reports. Raises `ArgumentError`: it does not lint."""
    from keeptrusts.policy.document import document_digest
    from keeptrusts.policy.findings import InvalidPolicyError

    try:
        return document_digest(text)
    except InvalidPolicyError as invalid:
        first = item_text(invalid.findings[0].as_json())
        raise ArgumentError(f"the policy document is not valid: {first}") from None


def merge(base: str, overlay: str) -> str:
    """One document laid on another. Raises `ArgumentError`: one of them is no mapping."""
    from keeptrusts.policy import layers

    below, above = (_layer(text, name, at) for at, (name, text) in enumerate((("base", base), ("overlay", overlay))))
    return layers.written(layers.merge(below, above))


def _layer(text: str, name: str, position: int) -> dict[str, Any]:
    from keeptrusts.policy.layers import read_layer

    try:
        return read_layer(text, name)
    except InputError as broken:
        raise ArgumentError(str(broken), position) from None


FUNCTIONS: Final[Mapping[str, Function]] = {
    "lint": Function(
        "Findings of a policy document",
        "Gives every finding of a policy document as `kt policy lint` reports it, errors before warnings; an empty "
        "list when there is none. Nothing leaves the machine.",
        {"yaml": "The policy document."},
        FINDINGS,
        lint,
    ),
    "digest": Function(
        "Digest of a policy document",
        "Gives the digest of a policy document with its defaults: the `content_digest` of its configuration, and the "
        "`active_digest` of a gateway that runs it. Comments, quoting and key order do not change it.",
        {"yaml": "The policy document. One that is not valid is an error."},
        STRING,
        digest,
    ),
    "merge": Function(
        "One policy document laid on another",
        "Lays `overlay` on `base` as a gateway does with several `--policy-config` files: mappings are merged, and "
        "everything else is replaced, lists as a whole. The result is YAML and is not linted here.",
        {"base": "What is laid under: a document, or a part of one.", "overlay": "What replaces."},
        STRING,
        merge,
    ),
}
"""By the name behind `provider::keeptrusts::`."""


def describe() -> dict[str, Any]:
    """Every function as the protocol writes it."""
    return {
        name: {
            "parameters": [
                {"name": argument, "type": STRING.encode(), "description": about}
                for argument, about in function.arguments.items()
            ],
            "returned": {"type": function.returns.encode()},
            "summary": function.summary,
            "description": function.about,
        }
        for name, function in FUNCTIONS.items()
    }


def call(name: str, arguments: Sequence[Any]) -> dict[str, Any]:
    """
    The answer to `CallFunction`. An argument that is wrong is an error inside it.

    Raises:
        WireError: There is no such function, or the number of arguments is not its own.
    """
    function = FUNCTIONS.get(name)
    if function is None or len(arguments) != len(function.arguments):
        raise WireError("there is no function of this name with these arguments")
    try:
        return {"result": function.call(*arguments)}
    except ArgumentError as wrong:
        return {"error": {"text": without_secrets(str(wrong)), "function_argument": wrong.position}}
