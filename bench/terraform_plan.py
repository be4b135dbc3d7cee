"""
What the provider costs: its handshake beside an empty Python, and a plan of one resource beside a built-in one.

    python bench/terraform_plan.py [rounds]

The two are measured in turn, so that a busy machine slows both; ratios of medians are what counts. `python3` is the
interpreter that runs this, not a version manager's shim in front of it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from keeptrusts.terraform.install import install
from keeptrusts.terraform.package import NAME
from keeptrusts.terraform.plugin.serve import COOKIE

ROUNDS = 11
POLICY = """\
pack: {name: bench, version: "1.0.0", enabled: true}
providers:
  targets:
    - {id: primary, provider: mock}
policies:
  chain: [prompt-injection, audit-logger]
policy: {prompt-injection: {}, audit-logger: {}}
"""
OURS = """\
terraform {
  required_providers {
    keeptrusts = { source = "keeptrusts/keeptrusts", version = "~> 1.0" }
  }
}
provider "keeptrusts" {
  api_url = "http://127.0.0.1:9"
  api_key = "kt_key_none_none"
}
resource "keeptrusts_configuration" "one" {
  name        = "one"
  policy_yaml = file("${path.module}/policy.yaml")
}
"""
BUILT_IN = """\
resource "terraform_data" "one" {
  input = file("${path.module}/policy.yaml")
}
"""


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plugins = folder / "plugins"
        launcher = install(plugins)[0] / NAME
        environment = _environment(folder, plugins)
        ours, theirs = (_module(folder / which, text, environment) for which, text in (("a", OURS), ("b", BUILT_IN)))
        _compare(
            "handshake",
            lambda: _handshake(launcher, environment),
            "python3 -IS -c pass",
            lambda: _empty_python(environment),
            rounds,
        )
        _compare(
            "plan of one keeptrusts_configuration",
            lambda: _plan(ours, environment),
            "plan of one terraform_data",
            lambda: _plan(theirs, environment),
            rounds,
        )


def _environment(folder: Path, plugins: Path) -> Mapping[str, str]:
    config = folder / "terraform.rc"
    config.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{plugins}" }}\n}}\n')
    own = {"HOME": str(folder), "TMPDIR": str(folder), "TF_CLI_CONFIG_FILE": str(config), "CHECKPOINT_DISABLE": "1"}
    return os.environ | own | {"PATH": f"{Path(sys.base_prefix, 'bin')}{os.pathsep}{os.environ['PATH']}"}


def _module(folder: Path, text: str, environment: Mapping[str, str]) -> Path:
    folder.mkdir()
    (folder / "main.tf").write_text(text)
    (folder / "policy.yaml").write_text(POLICY)
    subprocess.run(["terraform", "init"], cwd=folder, env=environment, check=True, capture_output=True)
    return folder


def _plan(folder: Path, environment: Mapping[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(["terraform", "plan"], cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def _handshake(launcher: Path, environment: Mapping[str, str]) -> float:
    start = time.perf_counter()
    started = subprocess.Popen(
        [launcher], env={**environment, COOKIE[0]: COOKIE[1]}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert started.stdout is not None
    assert started.stdout.readline().startswith(b"1|6|unix|")
    took = time.perf_counter() - start
    started.kill()
    started.wait()
    started.stdout.close()
    return took


def _empty_python(environment: Mapping[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(["python3", "-IS", "-c", "pass"], env=environment, check=True)
    return time.perf_counter() - start


def _compare(ours: str, measure: Callable[[], float], theirs: str, beside: Callable[[], float], rounds: int) -> None:
    pairs = [(measure(), beside()) for _ in range(rounds + 1)][1:]
    first, second = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{ours}: {first:.1f} ms; {theirs}: {second:.1f} ms; ratio {first / second:.2f}")


if __name__ == "__main__":
    main()
