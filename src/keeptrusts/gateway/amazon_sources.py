"""
Where a gateway that was given no key looks for one to sign with, as Amazon's own tools do.

After the variables of the environment: the role that a pod was given, the files of credentials, what a container is
lent, what the machine is lent. Reading a source is `lending`'s; here it is only found.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from keeptrusts.core.errors import InputError
from keeptrusts.gateway.signatures import AccessKey

CONTAINER: Final = "http://169.254.170.2"
MACHINE: Final = "http://169.254.169.254"
LENDERS: Final = ("169.254.170.2", "169.254.170.23", "fd00:ec2::23", "169.254.169.254", "127.0.0.1", "::1")
"""Addresses that lend keys without TLS: of Amazon's machines, and what stands in for them on this one."""
_SESSION: Final = "keeptrusts-gateway"
_VENDOR: Final = Path("/sys/devices/virtual/dmi/id/sys_vendor")


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """A role that is taken on with a token from a file, as pods of Kubernetes do. The file is renewed by others."""

    role: str
    token: Path
    session: str = _SESSION


@dataclass(frozen=True, slots=True)
class Container:
    """What a task or a pod is lent. `token` or what stands in `token_file` goes along as authorization."""

    url: str
    token: str = ""
    token_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """What the machine is lent (IMDSv2)."""

    url: str = MACHINE


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile of the files; it is read again now and then, since somebody may rotate it."""

    name: str
    credentials: Path
    config: Path


@dataclass(frozen=True, slots=True)
class Role:
    """A role that is taken on by whoever `base` is."""

    role: str
    base: Source
    session: str = _SESSION
    external_id: str = ""


Source: TypeAlias = AccessKey | WebIdentity | Container | Machine | Profile | Role


def find_source(environment: Mapping[str, str]) -> Source | None:
    """
    The first that this environment has, behind keys in variables; None when there is none.

    Raises:
        InputError: What it names is not there, or is of a kind that the gateway does not use.
    """
    role, token = _named(environment, "AWS_ROLE_ARN"), _named(environment, "AWS_WEB_IDENTITY_TOKEN_FILE")
    if role and token:
        return WebIdentity(role, Path(token), _named(environment, "AWS_ROLE_SESSION_NAME") or _SESSION)
    profile = _profile(environment)
    if profile is not None:
        read_profile(profile, environment)
        return profile
    return _container(environment) or _machine(environment)


def read_profile(profile: Profile, environment: Mapping[str, str]) -> Source:
    """
    What a profile says: a key, or from whom to borrow one.

    Raises:
        InputError: It is not there, is not whole, or asks for what the gateway does not do.
    """
    return _source_of(profile.name, _profiles(profile), environment, frozenset())


def _named(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name, "").strip()


def _profile(environment: Mapping[str, str]) -> Profile | None:
    """The one that is named; else the default one, where the files have it."""
    home = _named(environment, "HOME")
    folder = Path(home or "/") / ".aws"
    credentials = Path(_named(environment, "AWS_SHARED_CREDENTIALS_FILE") or folder / "credentials")
    config = Path(_named(environment, "AWS_CONFIG_FILE") or folder / "config")
    name = _named(environment, "AWS_PROFILE")
    found = Profile(name or "default", credentials, config)
    return found if name or _borrows(_profiles(found).get("default", {})) else None


def _borrows(profile: Mapping[str, str]) -> bool:
    """Whether it says anything about keys; one that only names a region is none."""
    return not profile.keys().isdisjoint(
        {"aws_access_key_id", "role_arn", "credential_process", "sso_session", "sso_start_url"}
    )


def _profiles(files: Profile) -> dict[str, dict[str, str]]:
    """By name. What stands in the file of credentials counts before what stands in the other."""
    found: dict[str, dict[str, str]] = {}
    for path in (files.config, files.credentials):
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, UnicodeDecodeError, configparser.Error):
            raise InputError(f"`{path}` cannot be read as a file of Amazon's tools") from None
        for section in parser.sections():
            found.setdefault(section.removeprefix("profile ").strip(), {}).update(parser.items(section))
    return found


def _source_of(
    name: str, profiles: Mapping[str, Mapping[str, str]], environment: Mapping[str, str], seen: frozenset[str]
) -> Source:
    profile = profiles.get(name)
    if profile is None:
        raise InputError(f"the profile `{name}` is in no file of Amazon's tools")
    if profile.get("role_arn") and name not in seen:
        return _role(name, profile, profiles, environment, seen)
    key, secret = profile.get("aws_access_key_id", "").strip(), profile.get("aws_secret_access_key", "").strip()
    if key and secret:
        return AccessKey(key, secret, profile.get("aws_session_token", "").strip())
    odd = next((word for word in ("credential_process", "sso_session", "sso_start_url") if profile.get(word)), None)
    if odd is not None:
        raise InputError(f"the profile `{name}` has `{odd}`, which a gateway does not use: give it a role or a key")
    raise InputError(f"the profile `{name}` has no key and no role")


def _role(
    name: str,
    profile: Mapping[str, str],
    profiles: Mapping[str, Mapping[str, str]],
    environment: Mapping[str, str],
    seen: frozenset[str],
) -> Source:
    session = profile.get("role_session_name") or _SESSION
    if profile.get("mfa_serial"):
        raise InputError(f"the profile `{name}` has `mfa_serial`, and nobody is there to type a code")
    if profile.get("web_identity_token_file"):
        return WebIdentity(profile["role_arn"], Path(profile["web_identity_token_file"]), session)
    if profile.get("source_profile"):
        base = _source_of(profile["source_profile"], profiles, environment, seen | {name})
    else:
        base = _lent_by(name, profile.get("credential_source", ""), environment)
    return Role(profile["role_arn"], base, session, profile.get("external_id", ""))


def _lent_by(name: str, word: str, environment: Mapping[str, str]) -> Source:
    found: Source | None = None
    match word:
        case "Environment":
            key, secret = _named(environment, "AWS_ACCESS_KEY_ID"), _named(environment, "AWS_SECRET_ACCESS_KEY")
            found = AccessKey(key, secret, _named(environment, "AWS_SESSION_TOKEN")) if key and secret else None
        case "EcsContainer":
            found = _container(environment)
        case "Ec2InstanceMetadata":
            found = Machine(_named(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT") or MACHINE)
        case _:
            pass
    if found is None:
        raise InputError(f"the profile `{name}` has a role, and nobody to take it on: see `source_profile`")
    return found


def _container(environment: Mapping[str, str]) -> Container | None:
    path, whole = (_named(environment, f"AWS_CONTAINER_CREDENTIALS_{kind}_URI") for kind in ("RELATIVE", "FULL"))
    if not path and not whole:
        return None
    url = f"{CONTAINER}{path}" if path else whole
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in {*LENDERS, "localhost"}:
        raise InputError("`AWS_CONTAINER_CREDENTIALS_FULL_URI` leads elsewhere than to this machine, without TLS")
    token = _named(environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    return Container(url, _named(environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN"), Path(token) if token else None)


def _machine(environment: Mapping[str, str]) -> Machine | None:
    """Only where somebody says so, or the machine does: elsewhere nobody would answer, and each request would wait."""
    if _named(environment, "AWS_EC2_METADATA_DISABLED").lower() == "true":
        return None
    named = _named(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT")
    return Machine(named or MACHINE) if named or _is_amazons() else None


def _is_amazons() -> bool:
    try:
        return _VENDOR.read_text(encoding="utf-8").strip() == "Amazon EC2"
    except OSError:
        return False
