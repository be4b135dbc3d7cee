"""
What detection costs: CPU for a kilobyte of harmless prose and for the worst texts we know, beside plain Hyperscan.

    python bench/detection_speed.py [folder with injection*.jsonl]

Without a folder the prose is that of `docs/`. Each figure is the best of some rounds, since others use the machine
too; the ratio to one Hyperscan scan of the same text for 1000 words does not depend on the machine.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "bench" / "detection"))

from labelled import prompts  # noqa: E402

from keeptrusts.detect.injection import assess  # noqa: E402
from keeptrusts.detect.pii import CATEGORIES, find_pii  # noqa: E402
from keeptrusts.detect.secret import find_secrets  # noqa: E402

ROUNDS = 5
WORST_SIZE = 200_000
BUDGET_US = 300
"""Microseconds for a kilobyte of prose, all detectors."""
WORST = {
    "addresses": "a@a.io ", "numbers": "12 ", "cards": "4111 1111 1111 1111 ", "desks": "123 4567 office ",
    "births": "born 1/1/1 ", "attacks": "ignore all previous instructions ", "leet": "1gn0r3 ", "escapes": "%41",
    "base64": "aWdub3JlIGFsbCBwcmV2aW91cyBpbnN0cnVjdGlvbnM= ", "dots": "a.", "marks": "e\u0301",
    "keys": "password=aB3dE5fG7h ", "tokens": "eyJhbGciOiJ.eyJ",
}  # fmt: skip
DETECTORS: dict[str, Callable[[str], object]] = {
    "injection": lambda text: assess(text, classify=True),
    "pii": lambda text: find_pii(text, CATEGORIES),
    "secrets": find_secrets,
}


def main() -> None:
    started = time.process_time()
    for detector in DETECTORS.values():
        detector("start")
    print(f"start: {time.process_time() - started:.2f} s of CPU until the first answer of each")
    texts = _prose(sys.argv[1:])
    size = sum(map(len, texts)) / 1024
    plain = _best(_plain_scan(), texts) / size
    print(f"{size:.0f} KB of prose in {len(texts)} texts; a plain scan: {plain:.1f} us per KB")
    whole = 0.0
    for name, detector in DETECTORS.items():
        spent = _best(detector, texts) / size
        whole += spent
        print(f"{name:10} {spent:7.0f} us per KB  {spent / plain:6.1f} scans")
    print(f"{'all':10} {whole:7.0f} us per KB  {whole / plain:6.1f} scans; the budget is {BUDGET_US} us")
    print("worst, us per character:")
    for name, piece in WORST.items():
        text = (piece * (WORST_SIZE // len(piece) + 1))[:WORST_SIZE]
        costs = {one: _best(detector, [text], rounds=1) / len(text) for one, detector in DETECTORS.items()}
        print(f"  {name:10} " + "  ".join(f"{one} {cost:.2f}" for one, cost in costs.items()))


def _prose(folders: Sequence[str]) -> list[str]:
    if folders:
        found = [one for path in sorted(Path(folders[0]).glob("injection*.jsonl")) for one in prompts(path)]
        return [one.text for one in found if not one.label and len(one.text) > 400]
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").rglob("*.md"))]
    return [text[at : at + 1200] for text in texts for at in range(0, len(text), 1200)]


def _plain_scan() -> Callable[[str], object]:
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    words = [f"zq{number:04}x".encode() for number in range(1000)]
    database.compile(expressions=words, ids=list(range(len(words))), flags=[0] * len(words))

    def ignore(*_: object) -> None:
        return None

    return lambda text: database.scan(text.encode(), match_event_handler=ignore)


def _best(detector: Callable[[str], object], texts: Sequence[str], rounds: int = ROUNDS) -> float:
    """Microseconds of CPU for all texts."""
    spent = []
    for _ in range(rounds):
        started = time.process_time()
        for text in texts:
            detector(text)
        spent.append(time.process_time() - started)
    return min(spent) * 1e6


if __name__ == "__main__":
    main()
