"""What `kt doctor` looks at. Each check says how it is and, when it is not well, the next step."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from keeptrusts.cli.duration import ago
from keeptrusts.cli.failure import suggestion
from keeptrusts.core.errors import ApiError, KeeptrustsError
from keeptrusts.core.version import VERSION

if TYPE_CHECKING:
    from keeptrusts.cli.settings import Settings
    from keeptrusts.client import Client
    from keeptrusts.client.client import Probe

SKEW_S: Final = 30.0
SOON_S: Final = 7 * 86_400.0
OLDEST_TERRAFORM: Final = (1, 5)
GATEWAY: Final = ("127.0.0.1", 41002)


@dataclass(frozen=True, slots=True)
class Result:
    """`skipped`: it depends on a check that fails."""

    check: str
    state: Literal["ok", "warning", "fails", "skipped"]
    detail: str
    next_step: str = ""


def control_plane(settings: Settings) -> Iterator[Result]:
    """Reachability, version, clock, key."""
    from keeptrusts.client import Client

    url = settings["api_url"]
    names = ("control plane ready", "version", "clock", "key")
    try:
        client = Client(
            url.value,
            settings["api_token"].value,
            max_retries=0,
            timeout_seconds=10,
            ca_certificate=settings["ca_certificate"].value or None,
        )
        probe = client.probe()
    except KeeptrustsError as error:
        step = suggestion(error) or f"`{url.origin}` set it"
        yield Result("control plane", "fails", f"{url.value}: {error}", step)
        yield from (Result(name, "skipped", "the control plane cannot be asked") for name in names)
        return
    with client:
        yield Result("control plane", "ok", f"{url.value} answers in {probe.latency_ms:.0f} ms")
        yield _ready(client)
        yield _version(probe)
        yield _clock(probe)
        yield _key(client, given=bool(settings["api_token"].value))


def _ready(client: Client) -> Result:
    try:
        client.ready()
    except ApiError as error:
        return Result("control plane ready", "fails", str(error), "look into the log of `kt server run`")
    return Result("control plane ready", "ok", "its database is there and current")


def _version(probe: Probe) -> Result:
    mine, theirs = VERSION.split(".")[0], probe.version.split(".")[0]
    if mine != theirs:
        step = "install the version of `kt` that the control plane has"
        return Result("version", "fails", f"kt {VERSION}, control plane {probe.version}", step)
    return Result("version", "ok", f"kt {VERSION}, control plane {probe.version}")


def _clock(probe: Probe) -> Result:
    skew = probe.clock_skew_seconds
    if skew is None:
        return Result(
            "clock", "warning", "the control plane does not tell the time", "see whether a proxy strips `Date`"
        )
    told = f"{abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} the control plane"
    if abs(skew) > SKEW_S:
        step = "set the clock (`timedatectl set-ntp true`): signatures and expiry depend on it"
        return Result("clock", "fails", told, step)
    return Result("clock", "ok", "agrees with the control plane" if abs(skew) < 2 else told)


def _key(client: Client, *, given: bool) -> Result:
    if not given:
        return Result(
            "key", "fails", "there is none", "set `KEEPTRUSTS_API_TOKEN`; `kt dev` writes one into its env file"
        )
    try:
        who = client.whoami()
    except ApiError as error:
        return Result("key", "fails", str(error), suggestion(error))
    told = f"`{who['name']}`, {who['role']} of `{who['organisation_name']}`"
    ends = who["expires_at"]
    if ends is not None and -ago(ends) < SOON_S:
        return Result("key", "warning", f"{told}, ends at {ends}", f"`kt token rotate {who['key_id']}`")
    return Result("key", "ok", told if ends is None else f"{told}, until {ends}")


def terraform() -> Iterator[Result]:
    """The program and its provider."""
    program = shutil.which("terraform") or shutil.which("tofu")
    if program is None:
        step = "install Terraform 1.5 or newer from https://developer.hashicorp.com/terraform/install"
        yield Result("terraform", "fails", "it is not on PATH", step)
    else:
        yield _terraform_version(program)
    yield _provider()


def _provider() -> Result:
    from keeptrusts.terraform.install import hidden_by, implied_mirror

    place = implied_mirror(Path.home())
    found = sorted(path.name for path in place.glob("*/keeptrusts/keeptrusts/*"))
    if not found:
        return Result("provider", "fails", f"it is not in `{place}`", "`kt terraform install`")
    if config := hidden_by(os.environ, Path.home()):
        step = f'add `filesystem_mirror {{ path = "{place}" }}` to the `provider_installation` block of `{config}`'
        return Result("provider", "warning", f"`{config}` tells Terraform to look elsewhere", step)
    return Result("provider", "ok", f"installed: {', '.join(found)}")


def _terraform_version(program: str) -> Result:
    try:
        told = subprocess.run(  # noqa: S603 - a program of the user's own PATH
            [program, "version", "-json"], capture_output=True, timeout=30, check=True,
            env=os.environ | {"CHECKPOINT_DISABLE": "1"},
        )  # fmt: skip
        version = str(json.loads(told.stdout)["terraform_version"])
        numbers = tuple(int(part) for part in version.partition("-")[0].split("."))
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return Result("terraform", "fails", f"`{program} version` does not say its version", "install it again")
    if numbers < OLDEST_TERRAFORM:
        return Result("terraform", "fails", f"{version} is too old", "install 1.5 or newer")
    return Result("terraform", "ok", f"{version} at {program}")


def gateway_port(address: tuple[str, int] = GATEWAY) -> Iterator[Result]:
    """Whether a gateway can listen at its usual place, or does."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError:
            yield _who_listens(address)
        else:
            yield Result("gateway port", "ok", f"{address[1]} is free")


def _who_listens(address: tuple[str, int]) -> Result:
    import urllib3

    try:
        with urllib3.PoolManager(retries=False, timeout=2.0) as pool:
            told = pool.request("GET", f"http://{address[0]}:{address[1]}/health").json()
    except (urllib3.exceptions.HTTPError, ValueError):
        told = None
    if isinstance(told, dict) and "config_digest" in told:
        return Result("gateway port", "ok", f"a gateway ({told.get('version')}) listens on {address[1]}")
    step = f"stop what uses it, or run the gateway elsewhere: `kt gateway run --listen {address[0]}:PORT`"
    return Result("gateway port", "fails", f"something else listens on {address[1]}", step)


CHECKS: Final[tuple[Callable[[], Iterator[Result]], ...]] = (terraform, gateway_port)
