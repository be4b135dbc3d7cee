"""
What a cold `kt policy lint` costs: CPU beside an empty Python and beside `kt --version`.

    python bench/policy_lint.py [rounds]

The commands run in turn, so that a busy machine slows all of them; ratios of medians are what counts.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROUNDS = 15
POLICY = """\
pack: {name: bench, version: "1.0.0", enabled: true}
providers:
  targets: [{id: primary, provider: mock}]
policies:
  chain: [prompt-injection, pii-detector, secret-scanner, topic-filter, audit-logger]
policy:
  prompt-injection: {}
  pii-detector: {}
  secret-scanner: {}
  topic-filter: {blocked_topics: [gambling, weapons]}
  audit-logger: {}
"""


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    kt = Path(sys.executable).with_name("kt")
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder, "policy.yaml")
        document.write_text(POLICY)
        commands: dict[str, Sequence[str | Path]] = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "kt --version": [kt, "--version"],
            "kt policy lint": [kt, "policy", "lint", "--file", document],
        }
        for command in commands.values():
            cpu_ms(command)
        found = [[cpu_ms(command) for command in commands.values()] for _ in range(rounds)]
    medians = [statistics.median(column) for column in zip(*found, strict=True)]
    for name, median in zip(commands, medians, strict=True):
        print(f"{name:16}{median:>8.1f} ms CPU{median / medians[0]:>8.2f} times an empty Python")


def cpu_ms(command: Sequence[str | Path]) -> float:
    """CPU time of one run, of the process and what it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


if __name__ == "__main__":
    main()
