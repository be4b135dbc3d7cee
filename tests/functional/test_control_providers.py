"""The provider registry's routes: open to everybody, and with nothing but this version of the provider."""

from __future__ import annotations

import hashlib

import pytest

from keeptrusts.control.releases import Release
from keeptrusts.control.settings import Settings
from support.control import Plane, assert_problem, plane

ROOT = "/v1/providers/keeptrusts/keeptrusts"
MIRROR = "/v1/provider-mirror/registry.terraform.io/keeptrusts/keeptrusts"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a release that is quick to make."""
    release = Release(version="1.2.3", archive=b"zip", h1="h1:abc=", platforms=("linux_amd64", "darwin_arm64"))
    return Settings(
        data_dir=settings.data_dir, database_url=settings.database_url, provider_release=lambda: release,
    )  # fmt: skip


def test_what_terraform_asks(control: Plane) -> None:
    """From the host to the archive, without a key."""
    ask = control.anonymous.get
    assert ask("/.well-known/terraform.json").json() == {"providers.v1": "/v1/providers/"}
    (version,) = ask(f"{ROOT}/versions").json()["versions"]
    assert (version["version"], version["protocols"], version["platforms"][1]) == (
        "1.2.3", ["6.0"], {"os": "darwin", "arch": "arm64"},
    )  # fmt: skip
    told = ask(f"{ROOT}/1.2.3/download/linux/amd64").json()
    assert told["shasum"] == hashlib.sha256(b"zip").hexdigest()
    assert ask(told["download_url"]).content == b"zip"
    assert ask(told["shasums_url"]).text == "".join(
        f"{told['shasum']}  terraform-provider-keeptrusts_1.2.3_{one}.zip\n" for one in ("linux_amd64", "darwin_arm64")
    )
    (key,) = told["signing_keys"]["gpg_public_keys"]
    assert key["ascii_armor"].startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
    assert bytes.fromhex(key["key_id"]) in ask(told["shasums_signature_url"]).content
    assert ask(f"{MIRROR}/index.json").json() == {"versions": {"1.2.3": {}}}
    (archive, _) = ask(f"{MIRROR}/1.2.3.json").json()["archives"].values()
    assert archive["hashes"] == ["h1:abc="]
    assert ask(f"{MIRROR}/{archive['url']}").content == b"zip"


@pytest.mark.parametrize(
    "path",
    [
        f"{ROOT}/1.2.4/download/linux/amd64",
        f"{ROOT}/1.2.3/download/plan9/amd64",
        f"{ROOT}/1.2.3/files/secret.key",
        f"{MIRROR}/1.2.4.json",
        f"{MIRROR}/terraform-provider-keeptrusts_1.2.3_plan9_amd64.zip",
    ],
)
def test_what_there_is_not(control: Plane, path: str) -> None:
    """404, and never a file of the machine."""
    assert_problem(control.anonymous.get(path), 404, "not_found")


def test_replicas_sign_alike(control: Plane, settings: Settings) -> None:
    """Two processes of one installation have one key and one signature."""
    path = f"{ROOT}/1.2.3/files/SHA256SUMS.sig"
    first = control.anonymous.get(path).content
    with plane(settings) as second:
        assert second.anonymous.get(path).content == first


def test_a_process_without_a_release(control: Plane) -> None:
    """It says so."""
    control.services.releases._made = None
    control.services.releases._make = None
    assert_problem(control.anonymous.get(f"{ROOT}/versions"), 404, "not_found")
