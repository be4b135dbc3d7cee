"""`kt terraform`, run in this process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from keeptrusts.cli.main import main
from keeptrusts.core.version import VERSION
from keeptrusts.terraform.install import ADDRESS, this_platform
from keeptrusts.terraform.package import NAME
from keeptrusts.terraform.pages import pages


def kt(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["terraform", *arguments])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody's, empty."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    return folder


def test_install_where_terraform_looks(home: Path) -> None:
    """The folder is printed alone; what to do next is talk, and it is executable."""
    done = kt("install")
    assert done.exit_code == 0, done.output
    target = home / ".terraform.d" / "plugins" / ADDRESS / VERSION / this_platform()
    assert done.stdout == f"{target}\n"
    assert os.access(target / NAME, os.X_OK)
    for word in ("installed", "keeptrusts/keeptrusts", "terraform init", "KEEPTRUSTS_API_URL"):
        assert word in done.stderr
    again = kt("install")
    assert (again.stdout, again.exit_code) == (done.stdout, 0)
    assert "it was there already" in again.stderr


def test_install_is_told_where(home: Path, tmp_path: Path) -> None:
    """Another plugin folder, and nothing in the home."""
    done = kt("install", "--plugin-dir", str(tmp_path / "mine"))
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(str(tmp_path / "mine"))
    assert list(home.iterdir()) == []


def test_a_configuration_that_hides_it(home: Path) -> None:
    """A CLI configuration that says itself where providers come from is named, with the line that it lacks."""
    config = home / ".terraformrc"
    config.write_text("provider_installation {\n  direct {}\n}\n", encoding="utf-8")
    done = kt("install")
    assert done.exit_code == 0
    assert f"warning: `{config}` has a `provider_installation` block" in done.stderr
    assert "filesystem_mirror" in done.stderr


def test_mirror(tmp_path: Path) -> None:
    """Four archives, all alike, whose names Terraform knows."""
    done = kt("mirror", str(tmp_path / "mirror"))
    assert done.exit_code == 0, done.output
    written = [Path(line) for line in done.stdout.splitlines()]
    assert len(written) == 4
    assert len({path.read_bytes() for path in written}) == 1
    assert all(path.name.startswith(f"terraform-provider-keeptrusts_{VERSION}_") for path in written)


def test_docs(tmp_path: Path) -> None:
    """Each page is written and printed; doing it again changes nothing."""
    done = kt("docs", str(tmp_path / "pages"))
    assert done.exit_code == 0, done.output
    assert [Path(line) for line in done.stdout.splitlines()] == [tmp_path / "pages" / name for name in pages()]
    assert (tmp_path / "pages" / "index.md").read_text(encoding="utf-8") == pages()["index.md"]
    assert kt("docs", str(tmp_path / "pages")).stdout == done.stdout


@pytest.mark.parametrize("arguments", [("install", "--plugin-dir"), ("mirror",), ("docs",)])
def test_a_folder_that_cannot_be_written(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """One line that names it and says what to do, and status 1."""
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    done = kt(*arguments, str(file / "below"))
    assert done.exit_code == 1
    assert done.stdout == ""
    assert f"cannot write `{file}" in done.stderr
    assert "choose a folder that you may write" in done.stderr
