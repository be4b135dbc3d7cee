"""Settings: flag, then environment, then a profile of `~/.config/keeptrusts/config.toml`, then default."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keeptrusts.core.errors import InputError

DEFAULT_API_URL: Final = "http://127.0.0.1:8080"
VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "api_url": ("KEEPTRUSTS_API_URL",),
    "api_token": ("KEEPTRUSTS_API_TOKEN", "KEEPTRUSTS_API_KEY"),
    "ca_certificate": ("KEEPTRUSTS_CA_CERTIFICATE",),
    "gateway_id": ("KEEPTRUSTS_GATEWAY_ID",),
    "gateway_token": ("KEEPTRUSTS_GATEWAY_TOKEN",),
}
DEFAULTS: Final[Mapping[str, str]] = {"api_url": DEFAULT_API_URL}
SECRETS: Final = frozenset({"api_token", "gateway_token"})


@dataclass(frozen=True, slots=True)
class Setting:
    """`origin` says where the value came from; `value` is empty when nothing set it."""

    name: str
    value: str
    origin: str

    @property
    def shown(self) -> str:
        """The value, or as much of a secret as tells it from others: `kt_key_<id>_` and no more."""
        if self.name not in SECRETS or not self.value:
            return self.value
        head, _, secret = self.value.rpartition("_")
        return f"{head}_..." if head.startswith("kt_") and secret else "(set)"


class Settings:
    """
    The settings of one run.

    Args:
        flags: What was given on the command line; None: it was not.
        environment: The process's, or what a test makes of it.

    Raises:
        InputError: The configuration file cannot be read, or has no such profile.
    """

    def __init__(self, flags: Mapping[str, str | None], environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self.path = config_path(self._environment)
        self._flags = flags
        self.profile = _first(
            ("flag --profile", flags.get("profile")),
            ("environment KEEPTRUSTS_PROFILE", self._environment.get("KEEPTRUSTS_PROFILE")),
        )
        self._file = read_profile(self.path, self.profile[1])

    def __getitem__(self, name: str) -> Setting:
        """The setting of this name, one of `VARIABLES`."""
        variables = ((f"environment {one}", self._environment.get(one)) for one in VARIABLES[name])
        profile = f"profile `{self.profile[1] or 'default'}` of {self.path}"
        origin, value = _first(
            (f"flag --{name.replace('_', '-')}", self._flags.get(name)),
            *variables,
            (profile, self._file.get(name)),
            ("default", DEFAULTS.get(name)),
        )
        return Setting(name, value, origin)

    def all(self) -> list[Setting]:
        profile = Setting("profile", self.profile[1] or "default", self.profile[0] or "default")
        return [profile, *(self[name] for name in VARIABLES)]


def config_path(environment: Mapping[str, str]) -> Path:
    """`XDG_CONFIG_HOME` is honoured."""
    base = environment.get("XDG_CONFIG_HOME")
    home = Path(environment.get("HOME") or Path.home())
    return (Path(base) if base else home / ".config") / "keeptrusts" / "config.toml"


def read_profile(path: Path, name: str) -> Mapping[str, str]:
    """
    The settings of a profile; of `default` when the name is empty.

    Raises:
        InputError: The file is not TOML, the named profile is not there, or a setting in it has no meaning.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if name:
            raise InputError(f"there is no profile `{name}`: {path} does not exist", code="unknown_profile") from None
        return {}
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}", code="unreadable_config") from None
    return _profile(path, text, name)


def _profile(path: Path, text: str, name: str) -> Mapping[str, str]:
    import tomllib

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not TOML: {error}", code="unreadable_config") from None
    profiles = document.get("profiles", {})
    if not isinstance(profiles, dict) or set(document) - {"profiles"}:
        raise InputError(f"{path} holds tables like `[profiles.default]` and nothing else", code="unreadable_config")
    if name and name not in profiles:
        raise InputError(f"there is no profile `{name}` in {path}", code="unknown_profile")
    found = profiles.get(name or "default", {})
    known = {key: value for key, value in found.items() if key in VARIABLES and isinstance(value, str)}
    for key in found.keys() - known.keys():
        names = ", ".join(f"`{one}`" for one in VARIABLES)
        raise InputError(f"`{key}` in {path} is no setting; known, as text: {names}", code="unreadable_config")
    return known


def _first(*candidates: tuple[str, str | None]) -> tuple[str, str]:
    """The first that is set: where it came from, and its value. An empty text counts as not set."""
    return next(((origin, value) for origin, value in candidates if value), ("", ""))
