"""Errors of the control plane in the words of a Terraform user: a title, what to do, the attribute, the request."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from keeptrusts.core.errors import ApiError, KeeptrustsError
from keeptrusts.terraform.diagnostics import Diagnostics
from keeptrusts.terraform.plugin.logs import without_secrets

ROTATE = (
    "The control plane did not accept the API key. Make a new one (`kt token create`, or "
    "`POST /v1/tokens/{id}/rotate`) and set it where the old one came from: TF_VAR_keeptrusts_api_key when a variable "
    "feeds the provider's `api_key`, else KEEPTRUSTS_API_KEY or KEEPTRUSTS_API_TOKEN."
)
FORBIDDEN = "The API key is valid but may not do this: give it the role `editor` or `admin`, and the scopes it needs."
UNREACHABLE = "Nothing was changed in the state. Check `api_url` (KEEPTRUSTS_API_URL) and that the control plane runs."
CONFLICT = "Nothing was changed. Run `terraform plan` again: it shows what is there now."


def tell(
    diagnostics: Diagnostics, doing: str, error: KeeptrustsError, attributes: Collection[str], *, next_step: str = ""
) -> None:
    """
    Report a failed call.

    Args:
        doing: What failed: `create keeptrusts_configuration`.
        attributes: Of the resource: an error of one of them is shown at it.
        next_step: What to do beside what the status says.
    """
    # before anything is done to the text: a secret with a capital letter is not found any more
    text = sentence(without_secrets(str(error)))
    if not isinstance(error, ApiError):
        diagnostics.error(f"Cannot {doing}", text)
        return
    pointed = [item for item in error.errors if _root(item) in attributes]
    for item in pointed:
        title = "Invalid policy document" if _root(item) == "policy_yaml" else f"Invalid value for `{_root(item)}`"
        diagnostics.error(title, _fault_text(item), _root(item))
    if pointed:
        return
    title, advice = _TITLES.get(error.status, ("Cannot {doing}", ""))
    told = [text, *(item_text(item) for item in error.errors), advice, _BY_CODE.get(error.code, ""), next_step]
    diagnostics.error(title.format(doing=doing), "\n\n".join(part for part in told if part))


def item_text(item: Mapping[str, Any]) -> str:
    """A finding on one line: code, message, place, suggestion."""
    path = str(item.get("path", "")).removeprefix("policy_yaml").lstrip(".")
    place = f"`{path}`" if path else ""
    if item.get("line"):
        place = f"{place} (line {item['line']}, column {item.get('column', 1)})".strip()
    head = f"{item.get('code', 'error')}: {item.get('message', '')}"
    suggestion = item.get("suggestion")
    return " ".join(
        part for part in (head, f"at {place}" if place else "", f"- {suggestion}" if suggestion else "") if part
    )


def _fault_text(item: Mapping[str, Any]) -> str:
    """Of an attribute that the title names: what is wrong with all of it needs no place and no code."""
    if item.get("path") != _root(item) or item.get("suggestion") or _root(item) == "policy_yaml":
        return item_text(item)
    return sentence(str(item.get("message", "")))


def _root(item: Mapping[str, Any]) -> str:
    return str(item.get("path", "")).partition(".")[0].partition("[")[0]


_RETRIED = "It was tried again as often as `max_retries` allows; the state is as it was."
_TITLES: Mapping[int, tuple[str, str]] = {
    0: ("The control plane cannot be reached", UNREACHABLE),
    401: ("Authentication failed", ROTATE),
    403: ("Not allowed to {doing}", FORBIDDEN),
    404: ("Cannot {doing}", "Check the ids in the arguments: one of them names nothing that is there."),
    409: ("Conflict: cannot {doing}", ""),
    412: ("Conflict: cannot {doing}", CONFLICT),
    429: ("Too many requests: cannot {doing}", f"{_RETRIED} Run it again later, or with `-parallelism=2`."),
    502: ("Cannot {doing}", _RETRIED),
    503: ("Cannot {doing}", _RETRIED),
    504: ("Cannot {doing}", _RETRIED),
}
"""Status -> title and advice."""
_BY_CODE: Mapping[str, str] = {
    "unknown_configuration": "It takes an id and no name: `keeptrusts_configuration.NAME.id`, or one of those that "
    "`GET /v1/configurations` lists."
}
"""Code of an error -> advice."""


def sentence(text: str) -> str:
    """With a capital letter and an end, as Terraform's own messages."""
    end = "" if text.endswith((".", "!", "?")) or not text else "."
    return f"{text[:1].upper()}{text[1:]}{end}"
