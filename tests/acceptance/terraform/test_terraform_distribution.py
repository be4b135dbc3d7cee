"""The control plane gives out the provider: as a registry with a signature that Terraform checks, and as a mirror."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from keeptrusts.cli.server import _provider_release
from keeptrusts.control.app import create_app, make_services
from keeptrusts.control.releases import Release
from keeptrusts.control.serving import prepare
from keeptrusts.control.settings import Settings
from keeptrusts.core.version import VERSION
from support.terraform import Toolbox, Workspace

pytestmark = pytest.mark.acceptance

ASKED = """
terraform {
  required_providers {
    keeptrusts = { source = "%s", version = "~> 1.0" }
  }
}

output "digest" {
  value = provider::keeptrusts::lint("pack: 1")[0].code
}
"""


@dataclass(frozen=True, slots=True)
class Secured:
    """A control plane behind TLS; `authority` is the file of who vouches for it."""

    port: int
    authority: Path

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return folder / "certificate.pem", folder / "key.pem"


@contextmanager
def secured(folder: Path, settings: Settings) -> Iterator[Secured]:
    """As behind a proxy that ends TLS."""
    chain, key = certificate(folder)
    services = make_services(settings)
    prepare(services, None, lambda _key: None)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            create_app(settings, services), log_config=None, loop="asyncio", ssl_certfile=chain, ssl_keyfile=key
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            time.sleep(0.02)
        try:
            yield Secured(listening.getsockname()[1], chain)
        finally:
            services.hub.stop()
            server.should_exit = True
            thread.join(20)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, provider_release=_provider_release)


def module(toolbox: Toolbox, folder: Path, plane: Secured, source: str, installation: str) -> Workspace:
    """A root module that trusts the control plane's authority, and gets providers as `installation` says."""
    made = Workspace(toolbox, folder, {"SSL_CERT_FILE": str(plane.authority)})
    config = made.write("terraform.rc", f"provider_installation {{\n  {installation}\n}}\n")
    made.api["TF_CLI_CONFIG_FILE"] = str(config)
    made.write("main.tf", ASKED % source)
    return made


def test_as_a_registry(toolbox: Toolbox, settings: Settings, tmp_path: Path) -> None:
    """`init` takes it, says who signed, and locks the hashes of its archive and of what is in it; it runs."""
    with secured(tmp_path, settings) as plane:
        source = f"{plane.host}/keeptrusts/keeptrusts"
        made = module(toolbox, tmp_path / "module", plane, source, "direct {}")
        said = made.run("init").ok().output
        assert f"Installed {plane.host}/keeptrusts/keeptrusts v{VERSION} (self-signed, key ID " in said
        lock = (made.folder / ".terraform.lock.hcl").read_text(encoding="utf-8")
        assert f'"{_provider_release().h1}"' in lock
        assert '"zh:' in lock
        made.apply().ok()
        assert 'digest = "' in made.run("output").ok().output
        made.run("providers", "lock", "-platform=darwin_arm64", "-platform=linux_amd64").ok()
        assert (made.folder / ".terraform.lock.hcl").read_text(encoding="utf-8") == lock


def test_as_a_network_mirror(toolbox: Toolbox, settings: Settings, tmp_path: Path) -> None:
    """Under the public name, with the hash of its content; nothing else is asked."""
    with secured(tmp_path, settings) as plane:
        mirror = f'network_mirror {{ url = "https://{plane.host}/v1/provider-mirror/" }}'
        made = module(toolbox, tmp_path / "module", plane, "keeptrusts/keeptrusts", mirror)
        made.run("init").ok()
        made.apply().ok()
        lock = (made.folder / ".terraform.lock.hcl").read_text(encoding="utf-8")
        assert f'"{_provider_release().h1}"' in lock


def test_an_archive_that_was_changed_on_the_way(toolbox: Toolbox, settings: Settings, tmp_path: Path) -> None:
    """Another archive than the signed one is refused, and so is a mirror's that has another hash."""

    def changed() -> Release:
        return replace(_provider_release(), archive=b"PK\x05\x06" + bytes(18))

    with secured(tmp_path, replace(settings, provider_release=changed)) as plane:
        mirror = f'network_mirror {{ url = "https://{plane.host}/v1/provider-mirror/" }}'
        made = module(toolbox, tmp_path / "module", plane, "keeptrusts/keeptrusts", mirror)
        failed = made.run("init")
        assert failed.status == 1
        assert "hash" in failed.output or "checksum" in failed.output


def test_an_authority_that_is_not_trusted(toolbox: Toolbox, settings: Settings, tmp_path: Path) -> None:
    """Terraform does not even ask."""
    with secured(tmp_path, settings) as plane:
        source = f"{plane.host}/keeptrusts/keeptrusts"
        made = module(toolbox, tmp_path / "module", plane, source, "direct {}")
        del made.api["SSL_CERT_FILE"]
        assert made.run("init").status == 1
