"""Where keys for Amazon are looked for, beside what Amazon's own SDK finds in the same files."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.session import Session

from keeptrusts.core.errors import InputError
from keeptrusts.gateway import amazon_sources
from keeptrusts.gateway.amazon_sources import (
    Container,
    Machine,
    Profile,
    Role,
    Source,
    WebIdentity,
    find_source,
    read_profile,
)
from keeptrusts.gateway.signatures import AccessKey

CREDENTIALS = """
[default]
aws_access_key_id = AKDEFAULT
aws_secret_access_key = s/default=
[lent]
aws_access_key_id=AKLENT
aws_secret_access_key=s%lent
aws_session_token = t/lent==
[both]
aws_access_key_id = AKCREDENTIALS
aws_secret_access_key = first
"""
CONFIG = """
[default]
region = eu-west-1
s3 =
  max_concurrent_requests = 20
[profile config-only]
aws_access_key_id = AKCONFIG
aws_secret_access_key = c
[profile both]
aws_access_key_id = AKOTHER
aws_secret_access_key = second
[profile role]
role_arn = arn:aws:iam::1:role/r
source_profile = lent
external_id = x-1
role_session_name = nightly
[profile itself]
role_arn = arn:aws:iam::1:role/r
source_profile = itself
aws_access_key_id = AKITSELF
aws_secret_access_key = i
[profile chained]
role_arn = arn:aws:iam::1:role/two
source_profile = role
[profile pod]
role_arn = arn:aws:iam::1:role/pod
web_identity_token_file = /var/token
[profile of-container]
role_arn = arn:aws:iam::1:role/r
credential_source = EcsContainer
[profile of-machine]
role_arn = arn:aws:iam::1:role/r
credential_source = Ec2InstanceMetadata
[profile circle]
role_arn = arn:aws:iam::1:role/r
source_profile = circle
[profile typed]
role_arn = arn:aws:iam::1:role/r
source_profile = lent
mfa_serial = arn:aws:iam::1:mfa/me
[profile nobody]
role_arn = arn:aws:iam::1:role/r
[profile process]
credential_process = /bin/keys
[profile sso]
sso_session = corp
[profile region-only]
region = eu-west-1
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """An environment whose files these are, on a machine that is not Amazon's."""
    (tmp_path / "credentials").write_text(CREDENTIALS, encoding="utf-8")
    (tmp_path / "config").write_text(CONFIG, encoding="utf-8")
    return {
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def found(environment: dict[str, str]) -> Source:
    source = find_source(environment)
    assert isinstance(source, Profile)
    return read_profile(source, environment)


@pytest.mark.parametrize("profile", ["", "default", "lent", "both", "config-only"])
def test_keys_in_files(files: dict[str, str], profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as Amazon's own SDK finds, with the file of credentials before the other."""
    environment = files | ({"AWS_PROFILE": profile} if profile else {})
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    theirs = Session().get_credentials().get_frozen_credentials()

    assert found(environment) == AccessKey(theirs.access_key, theirs.secret_key, theirs.token or "")


LENT = AccessKey("AKLENT", "s%lent", "t/lent==")
ROLE = Role("arn:aws:iam::1:role/r", LENT, "nightly", "x-1")


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("role", ROLE),
        ("chained", Role("arn:aws:iam::1:role/two", ROLE)),
        ("itself", Role("arn:aws:iam::1:role/r", AccessKey("AKITSELF", "i"))),
        ("pod", WebIdentity("arn:aws:iam::1:role/pod", Path("/var/token"))),
        ("of-container", Role("arn:aws:iam::1:role/r", Container("http://169.254.170.2/v2/keys"))),
        ("of-machine", Role("arn:aws:iam::1:role/r", Machine())),
    ],
)
def test_roles_in_files(files: dict[str, str], profile: str, expected: Source) -> None:
    """Who takes the role on, and as what."""
    environment = {**files, "AWS_PROFILE": profile, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/keys"}

    assert found(environment) == expected


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        ("absent", "is in no file"),
        ("circle", "no key"),
        ("typed", "`mfa_serial`"),
        ("nobody", "`source_profile`"),
        ("of-container", "`source_profile`"),
        ("process", "`credential_process`"),
        ("sso", "`sso_session`"),
        ("region-only", "no key and no role"),
    ],
)
def test_profiles_that_cannot_be_used(files: dict[str, str], profile: str, told: str) -> None:
    """Each says why; a profile that was named is not passed over for another source."""
    with pytest.raises(InputError, match=told):
        find_source(files | {"AWS_PROFILE": profile, "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"})


def test_a_file_that_is_none(files: dict[str, str], tmp_path: Path) -> None:
    """It is named, and nothing of it is repeated."""
    (tmp_path / "credentials").write_text("aws_secret_access_key = hidden\n", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read") as refused:
        find_source(files)

    assert "hidden" not in str(refused.value)


ELSEWHERE = {"HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}
POD = {"AWS_ROLE_ARN": "arn:aws:iam::1:role/p", "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/token"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        (POD, WebIdentity("arn:aws:iam::1:role/p", Path("/var/run/token"))),
        ({**POD, "AWS_ROLE_SESSION_NAME": "s"}, WebIdentity("arn:aws:iam::1:role/p", Path("/var/run/token"), "s")),
        ({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/a"}, Container("http://169.254.170.2/v2/a")),
        (
            {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/var/token",
            },
            Container("http://169.254.170.23/v1/credentials", "", Path("/var/token")),
        ),
        (
            {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "https://keys.example/v1",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": "t",
            },
            Container("https://keys.example/v1", "t"),
        ),
        (
            {"AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9"},
            Machine("http://127.0.0.1:9"),
        ),
    ],
)
def test_what_a_process_is_lent(environment: dict[str, str], expected: Source | None) -> None:
    """By the variables that pods, tasks and machines of Amazon's have."""
    assert find_source(ELSEWHERE | environment) == expected


@pytest.mark.parametrize(("vendor", "expected"), [("Amazon EC2\n", Machine()), ("Somebody else\n", None)])
def test_a_machine_of_amazons(
    vendor: str, expected: Source | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so itself; any other is not asked, since nobody would answer."""
    (tmp_path / "sys_vendor").write_text(vendor, encoding="utf-8")
    monkeypatch.setattr(amazon_sources, "_VENDOR", tmp_path / "sys_vendor")

    assert find_source({"HOME": "/nonexistent"}) == expected


def test_keys_are_not_fetched_from_strangers() -> None:
    """Without TLS, from this machine and the addresses of Amazon's alone."""
    with pytest.raises(InputError, match="without TLS"):
        find_source(ELSEWHERE | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://keys.example/v1"})
