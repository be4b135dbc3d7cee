"""
Draw the frontier: CPU a request against the latency at half load.

    python bench/proxies/plot.py POINTS.json PLOT.svg

Run by an interpreter that has matplotlib.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "bench"


def main(points: Path, out: Path) -> None:
    """One panel of CPU by load, one of CPU against the slowest hundredth at half load."""
    found = json.loads(points.read_text(encoding="utf-8"))
    loads = list(dict.fromkeys(one["load"] for one in found))
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    names = list(dict.fromkeys(one["name"] for one in found))
    for at, name in enumerate(names):
        values = [
            next((one["cpu_us"] for one in found if (one["load"], one["name"]) == (load, name)), 0) for load in loads
        ]
        left.barh([row + at / (len(names) + 1) for row in range(len(loads))], values, 1 / (len(names) + 1), label=name)
    left.set_xscale("log")
    left.set_yticks(
        [row + 0.4 for row in range(len(loads))], [load.replace(", ", "\n", 1) for load in loads], fontsize=8
    )
    left.set_xlabel("CPU us a request")
    left.legend(fontsize=8)
    for one in found:
        if "open loop" in one["load"]:
            right.scatter(one["cpu_us"], one["p99"])
            right.annotate(
                one["name"], (one["cpu_us"], one["p99"]), fontsize=8, xytext=(4, 4), textcoords="offset points"
            )
    right.set_xscale("log")
    right.set_yscale("log")
    right.set_xlabel("CPU us a request")
    right.set_ylabel("p99 ms at half of its own rate")
    figure.savefig(out, metadata={"Date": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
