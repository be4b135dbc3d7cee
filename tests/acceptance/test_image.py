"""
The container image: the Dockerfile's own lines are run in a folder, and what they made is run as the image would be.

No image is built here, as no container engine is at hand: what needs one is the base image, and Debian's packages.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from support.dockerfile import Builder, instructions
from support.ports import free_port
from support.terraform import POLICY

pytestmark = pytest.mark.acceptance

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "docker"
DOCKERFILE = instructions(FOLDER / "Dockerfile")
IGNORED = (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8").split("\n")
WHOLE = os.environ.get("KEEPTRUSTS_IMAGE_LOCK") == "whole"
"""A nightly run installs the whole lock, for half a minute; otherwise a few of its packages, and the test's own."""
FEW = ("annotated-types", "click", "pyyaml", "typing-extensions")
BLOCK = re.compile(r"^(\S+)==\S+.*\n(?:    .*\n)+", re.MULTILINE)


def blocks(path: Path) -> dict[str, str]:
    return {found[1].lower(): found[0] for found in BLOCK.finditer(path.read_text(encoding="utf-8"))}


def few_of_the_lock(builder: Builder) -> None:
    lock = builder.folder / "build" / "requirements.lock"
    kept = blocks(lock)
    lock.write_text("".join(kept[name] for name in FEW), encoding="utf-8")


def lend_the_rest(builder: Builder) -> None:
    (packages,) = (builder.folder / "opt" / "keeptrusts" / "lib").glob("python3.*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """Stage 1, line by line, and the variables of stage 2."""
    builder = Builder(tmp_path_factory.mktemp("image"), ROOT)
    for one in (one for one in DOCKERFILE if one.stage == 1):
        builder.carry_out(one)
        if one.word == "COPY" and "requirements.lock" in one.text and not WHOLE:
            few_of_the_lock(builder)
    if not WHOLE:
        lend_the_rest(builder)
    builder.variables.clear()
    for one in (one for one in DOCKERFILE if one.stage == 2 and one.word == "ENV"):
        builder.carry_out(one)
    (builder.folder / "var" / "lib" / "keeptrusts").mkdir(parents=True, exist_ok=True)
    return builder


def only(word: str) -> str:
    (found,) = (one.text for one in DOCKERFILE if one.stage == 2 and one.word == word)
    return found


def command() -> list[str]:
    """Entry point and default arguments."""
    return [word for name in ("ENTRYPOINT", "CMD") for one in DOCKERFILE if one.word == name for word in one.list()]


def listing(folder: Path) -> dict[str, float]:
    return {str(path): path.lstat().st_mtime for path in folder.rglob("*")}


class Running:
    """The image's default command, on another port, with a policy of its own instead of a control plane."""

    def __init__(self, built: Builder, tmp_path: Path) -> None:
        self.port = free_port()
        self.built = built
        policy = tmp_path / "policy.yaml"
        policy.write_text(POLICY, encoding="utf-8")
        words = [built.placed(word).replace("41002", str(self.port)) for word in command()]
        environment = built.environment()
        program = shutil.which(words[0], path=environment["PATH"])
        assert program == str(built.folder / "opt/keeptrusts/bin/kt")
        self.process = subprocess.Popen(
            [program, *words[1:], "--policy-config", str(policy)], env=environment, stderr=subprocess.PIPE, text=True
        )

    def healthy(self) -> bool:
        """The image's own check, at this port."""
        check = DOCKERFILE[[one.word for one in DOCKERFILE].index("HEALTHCHECK")].list()
        words = [word.replace("41002", str(self.port)).replace("8080", str(self.port)) for word in check]
        return subprocess.run(words, env=self.built.environment(), capture_output=True, check=False).returncode == 0

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)
        return self.process.returncode


@pytest.fixture
def running(built: Builder, tmp_path: Path) -> Iterator[Running]:
    one = Running(built, tmp_path)
    yield one
    if one.process.poll() is None:
        one.process.kill()
        one.process.communicate()


def test_the_image_runs_a_gateway_and_writes_into_its_volume_alone(built: Builder, running: Running) -> None:
    """Healthy once it listens and not before; SIGTERM ends it well; what was installed is as it was."""
    installed = listing(built.folder / "opt")
    assert not running.healthy()
    until = time.monotonic() + 60
    while not running.healthy():
        assert running.process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.1)
    said = urllib3.request("GET", f"http://127.0.0.1:{running.port}/readyz")
    assert said.status == 200
    assert running.end() == 0
    assert not running.healthy()
    assert listing(built.folder / "opt") == installed
    assert list((built.folder / "var/lib/keeptrusts").glob("*.seg"))


def test_what_is_installed_is_this_package(built: Builder) -> None:
    """The wheel, with the Terraform kit in it, and no pip beside it."""
    (packages,) = (built.folder / "opt" / "keeptrusts" / "lib").glob("python3.*/site-packages")
    assert (packages / "keeptrusts" / "cli" / "kit" / "drift.sh").is_file()
    assert not (packages / "pip").exists()
    assert {path.name.split("-")[0].lower() for path in packages.glob("*.dist-info")} >= {"keeptrusts", "redis"}


def test_the_second_stage_adds_curl_and_a_user(tmp_path: Path) -> None:
    """One package of Debian's, and user 10001 with a folder of its own; the programs that do it are stood in for."""
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    for name in ("apt-get", "groupadd", "useradd", "install"):
        (shadow / name).write_text(f'#!/bin/sh\necho "{name} $*"\n', encoding="utf-8")
        (shadow / name).chmod(0o755)
    builder = Builder(tmp_path / "image", ROOT, shadow)
    builder.folder.mkdir()
    lines = [one.text for one in DOCKERFILE if one.stage == 2 and one.word == "RUN"]
    said = "".join(builder.run(line) for line in lines).splitlines()
    assert said[:2] == ["apt-get update", "apt-get install --yes --no-install-recommends curl"]
    assert [line.split()[0] for line in said[2:]] == ["groupadd", "useradd", "install"]
    assert said[-1].endswith(f"--owner 10001 --group 10001 --mode 0700 {builder.folder}/var/lib/keeptrusts")


def test_the_image_is_what_the_modules_say() -> None:
    """User, port, folder and entry point are those of the container in Terraform."""
    module = (ROOT / "deploy/terraform/modules/gateway-container").resolve()
    main = (module / "main.tf").read_text(encoding="utf-8")
    variables = (module / "variables.tf").read_text(encoding="utf-8")
    assert f'user      = "{only("USER")}"' in main
    assert f'default     = "{only("WORKDIR")}"' in variables
    assert only("EXPOSE").split()[0] in variables
    assert command()[:5] == ["kt", "gateway", "run", "--listen", "0.0.0.0:41002"]
    (volume,) = (one for one in DOCKERFILE if one.word == "VOLUME")
    assert volume.list() == ["/var/lib/keeptrusts", "/tmp"]


def test_hadolint_has_nothing_to_say() -> None:
    """The linter of Dockerfiles, without a rule switched off but the one that the file explains."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("hadolint")), str(FOLDER / "Dockerfile")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")


def test_all_that_is_copied_gets_to_the_builder_and_no_more() -> None:
    """The ignore file lets through what COPY names, and starts by refusing everything."""
    copied = {
        name
        for one in DOCKERFILE
        if one.word == "COPY" and not one.text.startswith("--from")
        for name in one.text.split()[:-1]
    }
    allowed = {line[1:] for line in IGNORED if line.startswith("!")}
    assert next(line for line in IGNORED if line and not line.startswith("#")) == "*"
    assert {re.sub(r"\w+\.lock$", "*.lock", name) if "docker/" in name else name for name in copied} == allowed
    for name in copied:
        assert (ROOT / name).exists()


@pytest.mark.parametrize(("name", "package"), [("redis", "redis"), ("archive", "pyarrow")])
def test_an_extra_is_locked_as_it_was_tested(name: str, package: str) -> None:
    """The same version with the same hashes as in the environment of the tests."""
    assert blocks(FOLDER / f"{name}.lock") == {package: blocks(ROOT / "requirements-dev.lock")[package]}
