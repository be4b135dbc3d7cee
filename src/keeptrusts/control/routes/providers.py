"""
The Terraform provider from here: the provider registry protocol, and the network mirror protocol.

Open to everybody, as health is: Terraform asks before it has a key, and there is nothing in it but released code.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from fastapi import APIRouter, Response

from keeptrusts.control.releases import Release
from keeptrusts.control.services import AppServices, Services
from keeptrusts.core.errors import NotFoundError

REGISTRY: Final = "/v1/providers/keeptrusts/keeptrusts"
MIRROR: Final = "/v1/provider-mirror/registry.terraform.io/keeptrusts/keeptrusts"
PROTOCOL: Final = "6.0"

router = APIRouter(tags=["providers"])


@router.get("/.well-known/terraform.json")
def discover() -> dict[str, str]:
    """Where this host keeps providers (Terraform's remote service discovery)."""
    return {"providers.v1": "/v1/providers/"}


@router.get(f"{REGISTRY}/versions")
def provider_versions(services: AppServices) -> dict[str, Any]:
    """The versions that can be had: the one of this control plane."""
    release = _release(services)
    platforms = [dict(zip(("os", "arch"), one.split("_"), strict=True)) for one in release.platforms]
    return {"versions": [{"version": release.version, "protocols": [PROTOCOL], "platforms": platforms}]}


@router.get(REGISTRY + "/{version}/download/{system}/{machine}")
def provider_download(version: str, system: str, machine: str, services: AppServices) -> dict[str, Any]:
    """Where the archive of a platform is, its checksum, and who signed that."""
    release = _release(services, version, f"{system}_{machine}")
    files = f"{REGISTRY}/{release.version}/files"
    name = release.file_name(f"{system}_{machine}")
    key = services.releases.key
    return {
        "protocols": [PROTOCOL],
        "os": system,
        "arch": machine,
        "filename": name,
        "download_url": f"{files}/{name}",
        "shasums_url": f"{files}/SHA256SUMS",
        "shasums_signature_url": f"{files}/SHA256SUMS.sig",
        "shasum": hashlib.sha256(release.archive).hexdigest(),
        "signing_keys": {"gpg_public_keys": [{"key_id": key.key_id, "ascii_armor": key.armoured}]},
    }


@router.get(REGISTRY + "/{version}/files/{name}", response_class=Response)
def provider_file(version: str, name: str, services: AppServices) -> Response:
    """An archive, the checksums, or their signature."""
    release = _release(services, version)
    if name == "SHA256SUMS":
        return Response(services.releases.checksums(release), media_type="text/plain")
    if name == "SHA256SUMS.sig":
        return Response(services.releases.signature(release), media_type="application/octet-stream")
    return _archive(release, name)


@router.get(MIRROR + "/index.json")
def mirror_index(services: AppServices) -> dict[str, Any]:
    """The versions in the mirror."""
    return {"versions": {_release(services).version: {}}}


@router.get(MIRROR + "/{name}", response_model=None)
def mirror_file(name: str, services: AppServices) -> Response | dict[str, Any]:
    """The archives of a version (`1.0.0.json`), or one of them."""
    release = _release(services)
    if name == f"{release.version}.json":
        archives = {one: {"url": release.file_name(one), "hashes": [release.h1]} for one in release.platforms}
        return {"archives": archives}
    return _archive(release, name)


def _archive(release: Release, name: str) -> Response:
    if name not in map(release.file_name, release.platforms):
        raise NotFoundError("there is no such file")
    return Response(release.archive, media_type="application/zip")


def _release(services: Services, version: str | None = None, platform: str | None = None) -> Release:
    release = services.releases.current()
    if release is None or version not in {None, release.version}:
        raise NotFoundError("this control plane has no such version of the provider")
    if platform is not None and platform not in release.platforms:
        raise NotFoundError("the provider is not made for this platform")
    return release
