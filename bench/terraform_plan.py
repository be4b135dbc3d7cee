"""
What the provider costs, beside an empty Python and a built-in resource, and how few calls and processes it takes.

    python bench/terraform_plan.py [rounds] [page]

`page`: docs/reference/performance.md; its section `terraform` is written anew.

What is compared is measured in turn, so that a busy machine slows both: ratios of medians are what counts, of wall
time and of CPU time. `python3` is the interpreter that runs this, not a version manager's shim in front of it.
Where there is a Go toolchain, a minimal Go provider is measured beside both (`terraform_minimal`). What Terraform's own
process takes of it is the floor: a provider that costs nothing would come to that. Linux alone.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import terraform_minimal
from terraform_api import api

from keeptrusts.terraform import package
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


MANY = """\
resource "keeptrusts_configuration" "many" {
  count       = %d
  name        = "policy-${count.index}"
  policy_yaml = file("${path.module}/policy.yaml")
}
"""
MANY_BUILT_IN = """\
resource "terraform_data" "many" {
  count = %d
  input = "policy-${count.index} ${file("${path.module}/policy.yaml")}"
}
"""
HEAD, _, ONE = OURS.partition('resource "')
LATENCY_S = 0.03
NO_OP, COALESCED = 1000, 500
MANY_ROUNDS = 3
DISTRIBUTION = "/usr/bin/python3"
CPU_CLOCK = 2
"""With the number of a process above it: the clock of its CPU time."""
HASHED = re.compile(r"starting plugin: path=")


@dataclass(frozen=True)
class Measure:
    """
    One line of the page.

    Args:
        ratio: Of wall time, or a count; None: only CPU time can be told apart.
        limit: What the ratio, or the count, is not to exceed; None: it is there to compare with.
    """

    what: str
    beside: str
    ratio: float | None
    cpu: float | None
    limit: float | None
    detail: str

    def row(self) -> str:
        cpu = "" if self.cpu is None else f"{self.cpu:.2f}"
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        kept = "" if self.limit is None or self.ratio is None else "yes" if self.ratio <= self.limit else "no"
        limit = "" if self.limit is None else f"{self.limit:g}"
        return f"| {self.what} | {self.beside} | {ratio} | {cpu} | {limit} | {kept} | {self.detail} |"


class Spent(NamedTuple):
    """Seconds of wall; of CPU, of a process with all that it started; and of CPU, of that process alone."""

    wall: float
    cpu: float
    own: float


class Bench:
    """Folders, environment and an API with a latency."""

    def __init__(self, folder: Path, rounds: int) -> None:
        self.folder = folder
        self.rounds = rounds
        plugins = folder / "plugins"
        self.launcher = install(plugins)[0] / NAME
        self.go = terraform_minimal.install(folder / "go", plugins)
        self.environment = _environment(folder, plugins)
        self.distribution = _with_python(folder / "distribution", self.environment)

    def all(self) -> Iterator[Measure]:
        yield from self.handshake()
        yield from self.plan_of_one()
        yield from self.starts()
        with api(POLICY, LATENCY_S) as (url, _):
            yield from self.no_op(url)
        with api(POLICY, LATENCY_S) as (url, calls):
            yield from self.coalesced(url, calls)

    def handshake(self) -> Iterator[Measure]:
        contenders: list[Measured] = [
            ("`python3 -IS -c pass`", lambda: _spent(["python3", "-IS", "-c", "pass"], None, self.environment)),
            ("handshake", lambda: _handshake(self.launcher, self.environment)),
        ]
        if self.go is not None:
            go = self.go
            contenders.append(("handshake of a minimal Go provider", lambda: _handshake(go, self.environment)))
        return _compare(contenders, 4, self.rounds)

    def plan_of_one(self) -> Iterator[Measure]:
        ours = self.module("one", OURS)
        contenders = self.plans({"`terraform_data`": self.module("built-in", BUILT_IN), "plan of one resource": ours})
        if self.distribution is not None:
            contenders.append((f"the same, `{DISTRIBUTION}`", lambda: _plan(ours, self.distribution or {})))
        if self.go is not None:
            folder = self.module("go-one", _for_go(BUILT_IN))
            contenders += self.plans({"the same, minimal Go provider": folder})
        return _compare(contenders, 4, self.rounds, floor=True)

    def plans(self, folders: Mapping[str, Path]) -> list[Measured]:
        return [(name, partial(_plan, folder, self.environment)) for name, folder in folders.items()]

    def starts(self) -> Iterator[Measure]:
        """Processes of the provider for each command, which is Terraform's own number of walks."""
        with api(POLICY, 0) as (url, _):
            folder = self.module("starts", OURS, url)
            for arguments, most in ((("validate",), 2), (("plan",), 3), (("apply", "-auto-approve"), 4),
                                    (("refresh",), 3), (("destroy", "-auto-approve"), 5)):  # fmt: skip
                traced = subprocess.run(
                    ["terraform", *arguments], cwd=folder, check=True, capture_output=True, text=True,
                    env={**self.environment, "TF_LOG": "DEBUG"},
                )  # fmt: skip
                count = len(HASHED.findall(traced.stderr))
                yield Measure(f"starts of `{arguments[0]}`", "", count, None, most, "processes")

    def no_op(self, url: str) -> Iterator[Measure]:
        folders = {
            f"`terraform_data` x {NO_OP:,}": self.module("thousand-built-in", MANY_BUILT_IN % NO_OP),
            f"no-op plan of {NO_OP:,}": self.module("thousand", HEAD + MANY % NO_OP, url),
        }
        if self.go is not None:
            like_built_in, like_ours = _for_go(MANY_BUILT_IN % NO_OP), _for_go(MANY % NO_OP)
            folders["the same, minimal Go provider"] = self.module("go-thousand", like_built_in)
            folders["the same, Go with our schema"] = self.module("go-thousand-ours", like_ours)
        for folder in folders.values():
            self.terraform(folder, "apply", "-auto-approve", "-parallelism=50")
        return _compare(self.plans(folders), 1.3, MANY_ROUNDS, floor=True)

    def coalesced(self, url: str, calls: list[str]) -> Iterator[Measure]:
        """Beside a provider that reads each resource by a call of its own: this one, told never to list."""
        folder = self.module("five-hundred", HEAD + MANY % COALESCED, url)
        self.terraform(folder, "apply", "-auto-approve", "-parallelism=50")
        calls.clear()
        self.terraform(folder, "plan")
        lists = sum(one.endswith("/configurations") for one in calls)
        detail = f"{lists} of them lists"
        yield Measure(f"calls of a plan of {COALESCED}", "", len(calls), None, 10, detail)
        _install_without_lists(self.folder / "single")
        environment = _environment(self.folder, self.folder / "single")
        alone = self.folder / "one-by-one"
        shutil.copytree(folder, alone, ignore=shutil.ignore_patterns(".terraform*"))
        for arguments in (["init"], ["plan"]):
            _spent(["terraform", *arguments], alone, environment)
        contenders: list[Measured] = [
            ("a call for each", lambda: _spent(["terraform", "plan"], alone, environment)),
            (f"plan of {COALESCED} at 30 ms", lambda: self.terraform(folder, "plan")),
        ]
        yield from _compare(contenders, 0.6, MANY_ROUNDS)

    def module(self, name: str, text: str, url: str = "http://127.0.0.1:9") -> Path:
        folder = self.folder / name
        folder.mkdir()
        (folder / "main.tf").write_text(text.replace("http://127.0.0.1:9", url))
        (folder / "policy.yaml").write_text(POLICY)
        self.terraform(folder, "init")
        return folder

    def terraform(self, folder: Path, *arguments: str) -> Spent:
        return _spent(["terraform", *arguments], folder, self.environment)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    load = [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory() as name:
        measured = []
        for one in Bench(Path(name), rounds).all():
            print(one.row(), flush=True)
            measured.append(one)
    load.append(os.getloadavg()[0])
    if len(sys.argv) > 2:
        write_section(Path(sys.argv[2]), measured, load)


def _environment(folder: Path, plugins: Path) -> Mapping[str, str]:
    config = plugins.with_suffix(".rc")
    config.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{plugins}" }}\n}}\n')
    own = {"HOME": str(folder), "TMPDIR": str(folder), "TF_CLI_CONFIG_FILE": str(config), "CHECKPOINT_DISABLE": "1"}
    own |= {"KEEPTRUSTS_API_KEY": "kt_key_none_none"}
    return os.environ | own | {"PATH": f"{Path(sys.base_prefix, 'bin')}{os.pathsep}{os.environ['PATH']}"}


def _with_python(folder: Path, environment: Mapping[str, str]) -> Mapping[str, str] | None:
    """
    With the distribution's interpreter, which is built with its profile; None: it is this one, or of another version.

    Compiled modules are for one version.
    """
    python = Path(DISTRIBUTION)
    asked = [python, "-c", "import sys; print(sys.implementation.cache_tag)"]
    if not python.exists() or python.resolve().parent == Path(sys.base_prefix, "bin").resolve():
        return None
    if subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip() != sys.implementation.cache_tag:
        return None
    folder.mkdir()
    (folder / "python3").symlink_to(python)
    return {**environment, "PATH": f"{folder}{os.pathsep}{environment['PATH']}"}


def _plan(folder: Path, environment: Mapping[str, str]) -> Spent:
    return _spent(["terraform", "plan"], folder, environment)


def _spent(command: list[str], folder: Path | None, environment: Mapping[str, str]) -> Spent:
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as started:
        os.waitid(os.P_PID, started.pid, os.WEXITED | os.WNOWAIT)
        took = time.perf_counter() - start
        own = time.clock_gettime(~started.pid << 3 | CPU_CLOCK)
    if started.returncode:
        raise subprocess.CalledProcessError(started.returncode, command)
    return Spent(took, _cpu_since(before), own)


def _cpu_since(before: resource.struct_rusage) -> float:
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _handshake(launcher: Path, environment: Mapping[str, str]) -> Spent:
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    started = subprocess.Popen(
        [launcher], env={**environment, COOKIE[0]: COOKIE[1]}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert started.stdout is not None
    assert started.stdout.readline().startswith(b"1|6|unix|")
    took = time.perf_counter() - start
    started.kill()
    started.wait()
    started.stdout.close()
    cpu = _cpu_since(before)
    return Spent(took, cpu, cpu)


Measured = tuple[str, Callable[[], Spent]]


def _compare(contenders: Sequence[Measured], limit: float, rounds: int, *, floor: bool = False) -> Iterator[Measure]:
    """
    All but the first beside the first; the second is ours, and has the limit.

    Args:
        floor: Tell what of ours is the first process alone, which is Terraform.
    """
    turns = [[measure() for _, measure in contenders] for _ in range(rounds + 1)][1:]
    first, *others = (
        Spent(*(1000 * statistics.median(values) for values in zip(*column, strict=True)))
        for column in zip(*turns, strict=True)
    )
    beside = contenders[0][0]
    for (what, _), spent, own in zip(contenders[1:], others, [limit, *[None] * len(others)], strict=False):
        detail = f"{spent.wall:.0f} and {first.wall:.0f} ms"
        yield Measure(what, beside, spent.wall / first.wall, spent.cpu / first.cpu, own, detail)
        if floor and own is not None:
            detail = f"{spent.own:.0f} of {spent.cpu:.0f} ms of CPU"
            yield Measure("of it Terraform alone", beside, None, spent.own / first.own, None, detail)


def _for_go(module: str) -> str:
    """With the types of the minimal provider in place of the others."""
    text = module.replace('"terraform_data"', '"minimal_data"')
    return terraform_minimal.HEAD + text.replace('"keeptrusts_configuration"', '"minimal_configuration"')


def _install_without_lists(plugins: Path) -> None:
    """A provider as most are: one call reads one resource."""
    modules = package._our_modules  # noqa: SLF001 - the one place where its text is changed
    name = "keeptrusts/terraform/reads.py"

    def changed() -> dict[str, bytes]:
        found = modules()
        assert b"SINGLE_READS: Final = 2" in found[name]
        return {**found, name: found[name].replace(b"SINGLE_READS: Final = 2", b"SINGLE_READS: Final = 1_000_000")}

    package._our_modules = changed  # noqa: SLF001
    try:
        install(plugins)
    finally:
        package._our_modules = modules  # noqa: SLF001


SECTION = re.compile(r"<!-- terraform -->\n.*?<!-- /terraform -->\n", re.DOTALL)
INTRODUCTION = """\
## terraform

What the provider costs (`make bench-terraform`): ratios of medians, each group measured in turn on one machine. CPU
time is that of Terraform and its providers together, and says more on a machine with other work. `terraform_data` needs
no process. The minimal Go provider is go-plugin and grpc-go, with no API, no linter, and nothing kept.
A plan of one is measured as the second of its folder, so that its document and arguments are known to be sound.

**What no provider can save.** Terraform alone is what its own process takes of a plan of ours: what would be left if
the provider cost nothing. Half of a plan of one is that. Terraform starts three processes, makes a P-521 key and a
certificate for each (25 ms of CPU), connects to them (10), and hashes the installed folder (4); the rest it takes
without a provider, too. Of a no-op plan of 1,000 it is nearly all, and by itself more than the budget of 1.3 allows:
what Terraform does for a resource grows with its attributes, and `keeptrusts_configuration` has 14. A Go provider with
the schema of `terraform_data` misses it as well.

**What is left of ours.** Of 27 ms of CPU a process, 11 are the start of Python (9 where it is built with its profile,
as distributions do), 6 OpenSSL, 4 the connection and its calls, 3 the modules for it, 2 the end, and 1 the key and its
certificate. The process that plans needs 15 more, for classes, `typing` and the calls.
[0234](../decisions/0234-sound-texts-are-remembered.md), [0240](../decisions/0240-answers-without-waiting.md) and
[0250](../decisions/0250-what-was-validated-before.md) have what was tried to make it cheaper.

| what | beside | ratio | of CPU | at most | kept | |
|---|---|---|---|---|---|---|
"""


LOAD = """
The machine had a load of {before:.0f} before and {after:.0f} after, on {cores} cores. Where that is more than a core
each, ratios of wall time say little: everything waits for everything.
"""


def write_section(page: Path, measured: list[Measure], load: list[float]) -> None:
    """
    Into the page, in place of its section of before.

    Args:
        load: Of the machine, before and after.
    """
    text = page.read_text() if page.exists() else "# Performance\n\n"
    rows = "\n".join(one.row() for one in measured)
    told = LOAD.format(before=load[0], after=load[1], cores=os.cpu_count())
    section = f"<!-- terraform -->\n{INTRODUCTION}{rows}\n{told}<!-- /terraform -->\n"
    text = SECTION.sub(lambda _: section, text) if SECTION.search(text) else f"{text.rstrip()}\n\n{section}"
    page.write_text(text)


if __name__ == "__main__":
    main()
