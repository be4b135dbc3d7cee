"""The compose file: valid, without a secret, and its commands work together as real processes."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import postgres
from support.ports import free_port
from support.served import run_kt

pytestmark = pytest.mark.acceptance

FILE = Path(__file__).parents[2] / "deploy" / "docker" / "compose.yaml"
TEXT = FILE.read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
OURS = ("migrate", "control-plane", "gateway")
POLICY_TEXT = """\
pack: {name: first, version: 1.0.0, enabled: true}
policies: {chain: [pii-detector, audit-logger]}
providers: {targets: [{id: mock, provider: mock}]}
"""
VARIABLE = re.compile(r"\$\{(\w+)(?::[?-]([^}]*))?\}")


def test_it_is_a_compose_file() -> None:
    """The schema of the Compose specification takes it."""
    program = str(Path(sys.executable).with_name("check-jsonschema"))
    done = subprocess.run(
        [program, "--builtin-schema", "vendor.compose-spec", str(FILE)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_secret_stands_in_it() -> None:
    """Each comes from `.env`; what has to be there is asked for, and `env.example` lists it."""
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            if re.search("PASSWORD|TOKEN|KEY|DATABASE_URL", name):
                assert VARIABLE.search(value), name
    example = (FILE.parent / "env.example").read_text(encoding="utf-8")
    offered = set(re.findall(r"^(?:# )?(\w+)=", example, re.MULTILINE))
    assert {found[1] for found in VARIABLE.finditer(TEXT)} == offered
    assert not [line for line in example.splitlines() if re.match(r"\w+=.", line)]


@pytest.mark.parametrize("name", OURS)
def test_a_process_has_no_more_rights_than_it_needs(name: str) -> None:
    """Read-only, no capability, no way to more; what it writes goes to a volume; it is asked how it is."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert "privileged" not in service
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert name == "migrate" or service["healthcheck"]["test"][0] == "CMD"


class Project:
    """What `docker compose` would do, as processes of this machine: the same words, other hosts, ports and folders."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.ports = {"8080": str(free_port()), "41002": str(free_port())}
        self.values = {"POSTGRES_PASSWORD": "x", "KEEPTRUSTS_SECRET_KEY": secrets.token_urlsafe(48)}
        self.database = database

    def said(self, text: str, service: str) -> str:
        text = VARIABLE.sub(lambda found: self.values.get(found[1]) or self._default(found[0], found[2]), text)
        text = re.sub(r"postgresql://[^/]*/keeptrusts", self.database, text)
        text = text.replace("/var/lib/keeptrusts", str(self.folder / service)).replace("control-plane:", "127.0.0.1:")
        return re.sub(r"\b(8080|41002)\b", lambda found: self.ports[found[1]], text)

    @staticmethod
    def _default(whole: str, word: str | None) -> str:
        assert ":?" not in whole, whole
        return word or ""

    def environment(self, service: str) -> dict[str, str]:
        own = {name: self.said(value, service) for name, value in SERVICES[service]["environment"].items()}
        (self.folder / service).mkdir(exist_ok=True)
        image = {"HOME": str(self.folder / service), "KEEPTRUSTS_DATA_DIR": str(self.folder / service)}
        return {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **image, **own}

    def command(self, service: str) -> list[str]:
        kt = str(Path(sys.executable).with_name("kt"))
        return [kt, *(self.said(word, service) for word in SERVICES[service]["command"])]

    def run(self, service: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(service), env=self.environment(service), capture_output=True, text=True, check=False
        )

    @contextmanager
    def up(self, service: str) -> Iterator[None]:
        """Until it is healthy, by its own check; ended by SIGTERM, and well."""
        log = self.folder / f"{service}.log"
        with log.open("w", encoding="utf-8") as out:
            process = subprocess.Popen(self.command(service), env=self.environment(service), stdout=out, stderr=out)
            try:
                self._wait(service, process, log)
                yield
                process.send_signal(signal.SIGTERM)
                assert process.wait(40) == 0, log.read_text(encoding="utf-8")
            finally:
                process.kill()
                process.wait()

    def _wait(self, service: str, process: subprocess.Popen[bytes], log: Path) -> None:
        check = [self.said(word, service) for word in SERVICES[service]["healthcheck"]["test"][1:]]
        until = time.monotonic() + 60
        while subprocess.run(check, capture_output=True, check=False).returncode:
            assert process.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < until, log.read_text(encoding="utf-8")
            time.sleep(0.1)

    def kt(self, *arguments: str) -> str:
        key = (self.folder / "control-plane" / "admin.key").read_text(encoding="utf-8").strip()
        settings: Mapping[str, str] = {
            "KEEPTRUSTS_API_URL": f"http://127.0.0.1:{self.ports['8080']}",
            "KEEPTRUSTS_API_TOKEN": key.removeprefix("KEEPTRUSTS_API_TOKEN="),
            "HOME": str(self.folder),
        }
        done = run_kt(*arguments, env=settings)
        assert done.exit_code == 0, done.output
        return done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """With a PostgreSQL server, as the first service is."""
    with postgres.server() as url:
        yield Project(tmp_path, url)


@pytest.mark.postgresql
def test_it_comes_up_as_the_readme_says(project: Project) -> None:
    """Migrate, control plane, first key, gateway with its token; without one it says what is missing."""
    assert project.run("migrate").returncode == 0
    assert SERVICES["control-plane"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    with ExitStack() as running:
        running.enter_context(project.up("control-plane"))
        without = project.run("gateway")
        assert (without.returncode, "KEEPTRUSTS_GATEWAY_TOKEN" in without.stderr) == (2, True)
        document = project.folder / "policy.yaml"
        document.write_text(POLICY_TEXT, encoding="utf-8")
        project.kt("config", "push", "--name", "first", "--file", str(document))
        project.kt("gateway", "create", "--name", "edge", "--configuration", "first")
        made = yaml.safe_load(project.kt("gateway", "token", "create", "edge", "--json"))
        project.values["KEEPTRUSTS_GATEWAY_TOKEN"] = made["token"]
        running.enter_context(project.up("gateway"))
        assert '"online"' in project.kt("gateway", "show", "edge", "--json")
