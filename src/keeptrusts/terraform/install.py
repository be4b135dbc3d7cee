"""Putting the provider where Terraform looks for it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from keeptrusts.core.version import VERSION
from keeptrusts.terraform.package import build, write_folder, write_zip

ADDRESS: Final = "registry.terraform.io/keeptrusts/keeptrusts"
PLATFORMS: Final = ("darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64")
"""The archive is the same for all: it holds no machine code."""

_MACHINES: Final = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "i686": "386"}


def this_platform() -> str:
    """As Terraform names it: `linux_amd64`."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{_MACHINES.get(machine, machine)}"


def implied_mirror(home: Path) -> Path:
    """
    The folder that every `terraform init` looks into without being told.

    Terraform's implied mirrors are `terraform.d/plugins` of the working folder, of its configuration folder and of the
    data folders of the XDG specification; the second is the user's own.
    """
    return home / ".terraform.d" / "plugins"


def install(plugins: Path) -> tuple[Path, bool]:
    """
    Put the provider below a plugin folder; where it is, and whether anything changed.

    The new folder takes the old one's place at once: a Terraform that starts meanwhile finds one or the other.
    """
    target = plugins / ADDRESS / VERSION / this_platform()
    files = build()
    if _holds(target, files):
        return target, False
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=plugins))
    try:
        write_folder(files, fresh / "provider")
        (fresh / "provider").chmod(0o755)
        if target.exists():
            target.rename(fresh / "old")
        (fresh / "provider").rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target, True


def mirror(folder: Path) -> list[Path]:
    """Write a filesystem mirror: one archive for each platform, all alike."""
    files = build()
    written = []
    for name in PLATFORMS:
        path = folder / ADDRESS / f"terraform-provider-keeptrusts_{VERSION}_{name}.zip"
        write_zip(files, path)
        written.append(path)
    return written


def cli_config(environment: Mapping[str, str], home: Path) -> Path:
    """The CLI configuration file that Terraform reads."""
    named = environment.get("TF_CLI_CONFIG_FILE") or environment.get("TERRAFORM_CONFIG")
    return Path(named) if named else home / ".terraformrc"


def hidden_by(environment: Mapping[str, str], home: Path) -> Path | None:
    """A CLI configuration that says itself where providers come from: then no implied mirror is looked into."""
    path = cli_config(environment, home)
    try:
        return path if "provider_installation" in path.read_text(encoding="utf-8") else None
    except (OSError, UnicodeDecodeError):
        return None


def _holds(target: Path, files: Mapping[str, bytes]) -> bool:
    """Whether the folder has these files, and nothing else."""
    if not target.is_dir():
        return False
    there = {path.relative_to(target).as_posix(): path for path in target.rglob("*") if path.is_file()}
    if there.keys() != files.keys():
        return False
    return all(os.access(path, os.R_OK) and path.read_bytes() == files[name] for name, path in there.items())


def interpreter_fault() -> str | None:
    """Why the provider would not start here; None when it would."""
    import subprocess

    asked = [shutil.which("python3") or "python3", "-IS", "-c", "import sys; print(*sys.version_info[:2])"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=20)  # noqa: S603 - our own words
    except (OSError, subprocess.SubprocessError):
        return "there is no `python3` that runs on the PATH; the provider needs one, 3.11 or later"
    said = done.stdout.split()
    found = (int(said[0]), int(said[1]))
    if found < (3, 11):
        return f"`python3` on the PATH is {found[0]}.{found[1]}; the provider needs 3.11 or later"
    if found != sys.version_info[:2]:
        running = ".".join(map(str, sys.version_info[:2]))
        return (
            f"`python3` on the PATH is {found[0]}.{found[1]}, and this `kt` runs on {running}: the provider works, "
            "but starts more slowly than it could"
        )
    return None
