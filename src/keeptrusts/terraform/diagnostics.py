"""What is told to the user: a title, what to do, and the attribute that it is about."""

from __future__ import annotations

from typing import Any, Final

from keeptrusts.terraform.plugin.logs import without_secrets

ERROR: Final = 1
WARNING: Final = 2


class Diagnostics:
    """Everything said about one call. Registered secrets are taken out of it."""

    def __init__(self) -> None:
        self._said: list[dict[str, Any]] = []

    def error(self, title: str, detail: str, *path: str | int) -> None:
        self._say(ERROR, title, detail, path)

    def warn(self, title: str, detail: str, *path: str | int) -> None:
        self._say(WARNING, title, detail, path)

    @property
    def failed(self) -> bool:
        return any(one["severity"] == ERROR for one in self._said)

    def as_messages(self) -> list[dict[str, Any]]:
        """As the protocol writes them."""
        return list(self._said)

    def _say(self, severity: int, title: str, detail: str, path: tuple[str | int, ...]) -> None:
        said: dict[str, Any] = {
            "severity": severity,
            "summary": without_secrets(title),
            "detail": without_secrets(detail),
        }
        if path:
            said["attribute"] = path_message(*path)
        if said not in self._said:
            self._said.append(said)


def path_message(*path: str | int) -> dict[str, Any]:
    """An attribute, and what is inside it."""
    return {
        "steps": [{"element_key_int": step} if isinstance(step, int) else {"attribute_name": step} for step in path]
    }
