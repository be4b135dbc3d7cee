"""The provider as it is installed: found, hashed, never written into, and the same however often it is built."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import pytest

from keeptrusts.core.version import VERSION
from keeptrusts.terraform import sound
from keeptrusts.terraform.install import ADDRESS, PLATFORMS
from keeptrusts.terraform.package import NAME
from support.server import KT
from support.terraform import CONFIGURATION, HEAD, POLICY, Toolbox, Workspace
from support.terraform_api import Api

pytestmark = pytest.mark.acceptance

LOCK = ".terraform.lock.hcl"
BUNDLED = """\
import marshal, os, sys
file = os.open(sys.argv[1] + "/modules." + sys.implementation.cache_tag + ".bin", os.O_RDONLY)
size = os.fstat(file).st_size
first = int.from_bytes(os.pread(file, 4, size - 4), "little")
names = {"__name__": "bundle"}
exec(marshal.loads(os.pread(file, first, size - 4 - first)), names)
sys.meta_path.insert(0, names["Bundle"](file, sys.argv[1]))
"""
"""Imports as the launcher does, for the Python that packaged it; and as it does for another one."""
ZIPPED = 'import sys; sys.path.insert(0, sys.argv[1] + "/sources.zip")'


def contents(folder: Path) -> dict[str, tuple[str, int]]:
    """Each file with a digest and the time of its last change."""
    return {
        path.relative_to(folder).as_posix(): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def kt(*arguments: str, home: Path, seed: int = 0) -> subprocess.CompletedProcess[str]:
    """`kt terraform ...` of a user with another home, and with other hashes of Python's own."""
    environment = {**os.environ, "HOME": str(home), "PYTHONHASHSEED": str(seed)}
    environment.pop("TF_CLI_CONFIG_FILE", None)
    return subprocess.run(
        [str(KT), "terraform", *arguments], env=environment, capture_output=True, text=True, check=True
    )


def test_nothing_is_written_into_it(toolbox: Toolbox, workspace: Workspace, api: Api) -> None:
    """Terraform hashes the folder at each command: no run leaves anything in it."""
    before = contents(toolbox.provider)
    workspace.main(CONFIGURATION)
    workspace.run("validate").ok()
    workspace.apply().ok()
    assert workspace.plan() == 0
    workspace.destroy().ok()
    assert contents(toolbox.provider) == before
    assert NAME in before
    remembered = (workspace.folder / ".terraform" / sound.FILE).read_bytes()  # which Terraform itself never looks at
    found = {remembered[at : at + sound.SIZE] for at in range(0, len(remembered), sound.SIZE)}
    assert sound_text(toolbox.provider, POLICY) in found
    assert len(found) == len(remembered) / sound.SIZE == 3  # the provider's arguments and the resource's


def sound_text(provider: Path, text: str) -> bytes:
    """What is remembered of a text without findings."""
    rules = (provider / "lib" / "keeptrusts" / "terraform" / sound.SOURCES_FILE).read_bytes()
    return hashlib.sha256(rules + text.encode()).digest()


def interpreters() -> Iterator[Path]:
    """The other Pythons that the provider is for, as far as they are on this machine."""
    for minor in {11, 12, 13} - {sys.version_info.minor}:
        places = Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python3"), Path("/usr/bin").glob(f"python3.{minor}")
        yield from islice(chain(*places), 1)


def test_other_pythons(workspace: Workspace, api: Api, tmp_path: Path) -> None:
    """Where the compiled modules are for another Python, the sources do the same."""
    pythons = list(interpreters())
    if not pythons:
        pytest.skip("no other Python is on this machine")
    workspace.main(CONFIGURATION)
    workspace.apply().ok()
    for number, python in enumerate(pythons):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "python3").symlink_to(python)
        given = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
        asked = api.calls("GET")
        assert workspace.run("plan", "-detailed-exitcode", env=given).status == 0
        assert api.calls("GET") == asked + 1


def test_the_lock_file_is_stable(workspace: Workspace, tmp_path: Path) -> None:
    """Over a second init, a rebuild by another process, and the archive of a mirror instead of the folder."""
    workspace.main(CONFIGURATION)
    lock = workspace.folder / LOCK
    first = lock.read_bytes()
    assert b"h1:" in first
    home = tmp_path / "home"
    kt("install", "--plugin-dir", str(tmp_path / "rebuilt"), home=home, seed=7)
    kt("mirror", str(tmp_path / "mirror"), home=home, seed=11)
    archives = {path.name for path in (tmp_path / "mirror" / ADDRESS).iterdir()}
    assert archives == {f"terraform-provider-keeptrusts_{VERSION}_{platform}.zip" for platform in PLATFORMS}
    for arguments in ((), ("-plugin-dir", str(tmp_path / "rebuilt")), ("-plugin-dir", str(tmp_path / "mirror"))):
        shutil.rmtree(workspace.folder / ".terraform")
        workspace.run("init", "-lockfile=readonly", *arguments).ok()
        assert lock.read_bytes() == first
        workspace.run("validate").ok()
    lock.unlink()
    workspace.run("init", "-plugin-dir", str(tmp_path / "mirror")).ok()
    assert lock.read_bytes() == first


def test_a_plain_init_finds_it(workspace: Workspace, tmp_path: Path) -> None:
    """`kt terraform install`, then `terraform init` without any CLI configuration; installing again changes nothing."""
    home = tmp_path / "home"
    home.mkdir()
    first = kt("install", home=home)
    target = Path(first.stdout.strip())
    assert target.is_relative_to(home / ".terraform.d" / "plugins")
    before = contents(target)
    second = kt("install", home=home)
    assert (second.stdout, "it was there already" in second.stderr) == (first.stdout, True)
    assert contents(target) == before
    plain = {"HOME": str(home), "TF_CLI_CONFIG_FILE": "", "KEEPTRUSTS_API_URL": "", "KEEPTRUSTS_API_TOKEN": ""}
    workspace.write("main.tf", HEAD)
    workspace.run("init", env=plain).ok()
    assert (
        "provider[registry.terraform.io/keeptrusts/keeptrusts] ~> 1.0" in workspace.run("providers", env=plain).output
    )


def test_a_damaged_one_is_repaired(tmp_path: Path) -> None:
    """A file too many or changed is noticed, and the folder is made anew."""
    plugins = tmp_path / "plugins"
    target = Path(kt("install", "--plugin-dir", str(plugins), home=tmp_path).stdout.strip())
    before = {name: digest for name, (digest, _) in contents(target).items()}
    (target / "lib" / "odd.pyc").write_bytes(b"x")
    (target / NAME).write_text("#!/bin/false\n")
    again = kt("install", "--plugin-dir", str(plugins), home=tmp_path)
    assert "installed" in again.stderr
    assert {name: digest for name, (digest, _) in contents(target).items()} == before
    assert [path.name for path in plugins.iterdir()] == ["registry.terraform.io"]


def test_started_by_hand(toolbox: Toolbox) -> None:
    """Whoever starts it is told what it is and what to do; nothing goes to stdout, and it ends."""
    said = subprocess.run([toolbox.provider / NAME], capture_output=True, text=True, check=False, timeout=30)
    assert said.returncode == 1
    assert said.stdout == ""
    assert "kt terraform install" in said.stderr


def test_a_python_that_is_too_old(toolbox: Toolbox, workspace: Workspace, tmp_path: Path) -> None:
    """Terraform shows the reason, and not only that something did not start."""
    workspace.main(CONFIGURATION)
    old = tmp_path / "bin" / "python3"
    old.parent.mkdir()
    code = "import sys; sys.version_info, sys.version = (3, 10, 1), '3.10.1 (old)'; exec(open(sys.argv[1]).read())"
    old.write_text(f'#!/bin/sh\nexec "{sys.executable}" -ISB -c "{code}" "$2"\n', encoding="utf-8")
    old.chmod(0o755)
    refused = workspace.run("plan", env={"PATH": f"{old.parent}{os.pathsep}{os.environ['PATH']}"})
    assert refused.status == 1
    assert "needs Python 3.11 or later as `python3`; this is 3.10.1" in " ".join(refused.output.split())


def test_it_needs_nothing_but_python(toolbox: Toolbox) -> None:
    """Only its own folder and the standard library are on its path; no package of this environment is."""
    for into, where in ((BUNDLED, str(toolbox.provider)), (ZIPPED, str(toolbox.provider / "lib" / "sources.zip"))):
        code = (
            f"{into}\n"
            "from keeptrusts.terraform.provider import Provider, RESOURCES, DATA_SOURCES, load_type\n"
            "[load_type(types, name) for types in (RESOURCES, DATA_SOURCES) for name in types]\n"
            "import keeptrusts.client, keeptrusts.policy.lint\n"
            "print(*{m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)}, sep='\\n')"
        )
        ran = subprocess.run(
            [sys.executable, "-ISB", "-c", code, str(toolbox.provider / "lib")],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        foreign = [line for line in ran.stdout.splitlines() if "site-packages" in line or "/src/keeptrusts/" in line]
        assert foreign == []
        assert where in ran.stdout


def test_no_method_is_compiled_at_a_start(toolbox: Toolbox) -> None:
    """Every method that `dataclasses` makes until a policy is linted was compiled when the provider was packaged."""
    code = (
        f"{BUNDLED}\n"
        "import os\n"
        "from keeptrusts.terraform import main, prepared\n"
        "made = []\n"
        "prepared.use_prepared(os.path.dirname(main.__file__))\n"
        "import builtins, dataclasses\n"
        "run, execute = dataclasses.exec, builtins.exec\n"
        "builtins.exec = lambda code, *names: (made.append(type(code).__name__), execute(code, *names))\n"
        "from keeptrusts.terraform.provider import RESOURCES, DATA_SOURCES, load_type\n"
        "[load_type(types, name) for types in (RESOURCES, DATA_SOURCES) for name in types]\n"
        "from keeptrusts.policy.lint import lint_document\n"
        "assert lint_document(sys.argv[2]).valid\n"
        "print(len(made), set(made) == {'code'}, 'inspect' in sys.modules)"
    )
    # the interpreter that packaged it: the code is for one version
    ran = subprocess.run(
        [sys.executable, "-ISB", "-c", code, str(toolbox.provider / "lib"), POLICY],
        capture_output=True,
        text=True,
        check=True,
    )
    count, all_known, inspected = ran.stdout.split()
    assert int(count) > 100
    assert (all_known, inspected) == ("True", "False")
