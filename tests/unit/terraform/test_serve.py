"""The handshake's parts, and what a person sees who starts the provider by hand."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from keeptrusts.terraform.plugin.serve import COOKIE, handshake, make_private_folder, refusal, serve

STARTED = {COOKIE[0]: COOKIE[1]}


@pytest.mark.parametrize("value", [None, "", "something else"])
def test_started_by_hand(value: str | None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """It says what it is and which command is meant, on stderr alone, and fails."""
    monkeypatch.delenv(COOKIE[0], raising=False)
    if value is not None:
        monkeypatch.setenv(COOKIE[0], value)

    assert serve(lambda: pytest.fail("nothing is to be loaded"), ()) == 1

    out, err = capfd.readouterr()
    assert out == ""
    assert "kt terraform install" in err
    assert "Terraform starts it" in err


def test_an_old_terraform_is_told_on_stdout(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """That is the one place whose text it shows to its user."""
    monkeypatch.setenv(*COOKIE)
    monkeypatch.setenv("PLUGIN_PROTOCOL_VERSIONS", "4,5")
    assert serve(lambda: pytest.fail("nothing is to be loaded"), ()) == 1
    out, err = capfd.readouterr()
    assert "Use Terraform 1.5 or later" in out
    assert err == ""


@pytest.mark.parametrize(
    ("versions", "starts"), [(None, True), ("6", True), ("5,6", True), ("6,7", True), ("5", False), ("", False)]
)
def test_protocol_versions(versions: str | None, starts: bool) -> None:
    """Whoever speaks version 6 is served; to others it says which Terraform is needed."""
    told = {} if versions is None else {"PLUGIN_PROTOCOL_VERSIONS": versions}
    fault = refusal({**STARTED, **told})
    assert (fault is None) == starts
    assert starts or "Terraform 1.5" in str(fault)


def test_the_line() -> None:
    """Six fields; the certificate is in base64 without padding, which go-plugin insists on."""
    line = handshake("/tmp/x/plugin.sock", b"1234")
    assert line.endswith("\n")
    fields = line.strip().split("|")
    assert fields[:5] == ["1", "6", "unix", "/tmp/x/plugin.sock", "grpc"]
    assert fields[5] == "MTIzNA"
    assert base64.b64decode(fields[5] + "==") == b"1234"


def test_nobody_else_may_enter_the_folder(tmp_path: Path) -> None:
    """The socket's folder is new, ours alone, and where the caller wants it."""
    for name in ("PLUGIN_UNIX_SOCKET_DIR", "TMPDIR"):
        where = tmp_path if len(str(tmp_path)) <= 60 else Path("/tmp")
        folder = Path(make_private_folder({name: str(where)}))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.parent == where
        folder.rmdir()


def test_a_long_path_has_no_room_for_a_socket(tmp_path: Path) -> None:
    """A temporary folder whose path is too long for a socket is not used."""
    deep = tmp_path / ("x" * 80)
    folder = Path(make_private_folder({"TMPDIR": str(deep)}))
    assert folder.parent == Path("/tmp")
    folder.rmdir()
