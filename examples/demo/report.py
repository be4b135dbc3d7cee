"""What the demo says while it runs, and the table of what it saw at the end."""

from __future__ import annotations

import textwrap
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Proof:
    """
    One expectation and what was really observed.

    Args:
        seen: Taken from an answer, an exit status or a file; never written down beforehand.
    """

    claim: str
    seen: str
    held: bool


class Report:
    """Narrates to standard output and remembers every expectation, the failed ones too."""

    def __init__(self) -> None:
        self.proofs: list[Proof] = []
        self._started = time.monotonic()
        self._steps = 0

    def step(self, title: str) -> None:
        self._steps += 1
        print(f"\n[{self.seconds():5.1f} s] {self._steps}. {title}", flush=True)

    def say(self, text: str) -> None:
        print(textwrap.indent(text.rstrip(), "    "), flush=True)

    def expect(self, claim: str, held: bool, seen: object) -> None:
        """Remember whether it held; the demo goes on, and fails at its end if it did not."""
        proof = Proof(claim, " ".join(str(seen).split()), held)
        self.proofs.append(proof)
        self.say(f"{'ok  ' if held else 'FAIL'} {proof.claim}: {proof.seen}")

    def seconds(self) -> float:
        """Since the demo began."""
        return time.monotonic() - self._started

    def table(self) -> str:
        """Each expectation with what was seen, in the order of the story."""
        if not self.proofs:
            return "nothing was proved"
        width = max(len(proof.claim) for proof in self.proofs)
        rows = [f"{'what was expected':{width}}  held  what was seen"]
        rows.append("-" * (width + 2 + 4 + 2 + 40))
        for proof in self.proofs:
            seen = textwrap.shorten(proof.seen, 72, placeholder=" ...")
            rows.append(f"{proof.claim:{width}}  {'yes ' if proof.held else 'NO  '}  {seen}")
        return "\n".join(rows)

    def succeeded(self) -> bool:
        return bool(self.proofs) and all(proof.held for proof in self.proofs)
