"""The options of commands that ask the control plane, and the client they make."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import click

from keeptrusts.cli.files import ExistingText
from keeptrusts.cli.settings import Settings
from keeptrusts.core.errors import NotAuthorisedError
from keeptrusts.core.version import VERSION

if TYPE_CHECKING:
    from keeptrusts.client import Client

P = ParamSpec("P")
R = TypeVar("R")

_OPTIONS = (
    click.option("--api-url", metavar="URL", help="The control plane.  [env: KEEPTRUSTS_API_URL]"),
    click.option(
        "--api-token-file",
        type=ExistingText(),
        help="File that holds the API key; `-`: stdin. A key itself is never an argument: others would see it.  "
        "[env: KEEPTRUSTS_API_TOKEN]",
    ),
    click.option("--profile", metavar="NAME", help="Profile of config.toml.  [env: KEEPTRUSTS_PROFILE]"),
)


def with_settings(command: Callable[Concatenate[Settings, P], R]) -> Callable[P, R]:
    """Give a command the options that say which control plane, and hand it the settings."""

    @wraps(command)
    def run(*args: P.args, **options: P.kwargs) -> R:
        file = options.pop("api_token_file")
        flags = {
            "api_url": _text(options.pop("api_url")),
            "profile": _text(options.pop("profile")),
            "api_token": file.read().strip() if hasattr(file, "read") else None,
        }
        return command(Settings(flags), *args, **options)

    wrapped: Callable[P, R] = run
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def with_client(command: Callable[Concatenate[Client, P], R]) -> Callable[P, R]:
    """The same, and hand it a client."""

    @wraps(command)
    def run(settings: Settings, /, *args: P.args, **options: P.kwargs) -> R:
        with make_client(settings) as client:
            return command(client, *args, **options)

    return with_settings(run)


def make_client(settings: Settings) -> Client:
    """
    A client for the control plane the settings name.

    Raises:
        NotAuthorisedError: There is no key.
    """
    from keeptrusts.client import Client

    token = settings["api_token"].value
    if not token:
        raise NotAuthorisedError(
            "there is no API key; set `KEEPTRUSTS_API_TOKEN` (`kt dev --env-file FILE` writes one)",
            code="missing_api_key",
        )
    return Client(
        settings["api_url"].value,
        token,
        user_agent=f"kt/{VERSION}",
        ca_certificate=settings["ca_certificate"].value or None,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
