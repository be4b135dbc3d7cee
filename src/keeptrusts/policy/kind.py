"""
What every policy kind is: a frozen dataclass whose fields are the YAML keys of its block, with a `judge`.

The engine, the gateway and the tests know kinds through this class alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from keeptrusts.core.exchange import Exchange, Phase, Target
from keeptrusts.policy.schema import Block, Fault

if TYPE_CHECKING:  # lint judges nothing, and these take long to import
    from keeptrusts.core.verdict import Verdict
    from keeptrusts.policy.asking import Ask

Additions: TypeAlias = tuple[tuple[str, str], ...]
"""What is added, in order: the category that records name, and the text."""


class Policy(Block):
    """
    One kind with its settings.

    `judge` is pure. What it says of a text depends on the text alone, and, when `holdback` is a number, each match
    depends only on the characters from one before its start to `holdback` after it: that locality is what lets a
    stream be enforced on the fly with the verdict of the whole text (flow/window.py, ADR-0003).

    A kind that has to ask somebody else returns its questions instead (policy/asking.py); its holdback is None.
    """

    kind: ClassVar[str]
    phases: ClassVar[frozenset[Phase]]
    example: ClassVar[str] = ""
    """A block for the reference page, as YAML."""
    rewrites: ClassVar[bool] = False
    """It puts what its settings say into texts: nobody can tell whether a chain is stricter with it."""
    adds: ClassVar[bool] = False
    """It may add something at the end of an answer. It then looks at texts of answers, so its holdback is not 0."""
    counts: ClassVar[bool] = False
    """It may ask for counts over several requests."""
    records_only: ClassVar[bool] = False
    """It never objects and changes nothing."""

    def judge(self, exchange: Exchange) -> Verdict | Ask:
        """Say what is to happen to this exchange in `exchange.phase`, or what must be known to say it."""
        raise NotImplementedError

    def is_silent(self, text: str) -> bool:
        """
        Whether `judge` surely finds nothing in an answer that is this text, asked before it: each piece of a stream is.

        It costs less than `judge`, and no says nothing.
        """
        del text
        return False

    def faults_beside(self, chain: Mapping[str, Policy]) -> Iterable[Fault]:
        """What is wrong with this kind in this chain. `faults` says what is wrong with it alone."""
        del chain
        return ()

    def ending(self, text: str) -> Additions:
        """Asked only where `adds`: what is put behind a text of the answer, given the whole of it."""
        del text
        return ()

    def counts_requests(self) -> bool:
        """Whether it asks for counts: processes that do not count together would each have their own."""
        return self.counts

    def logged(self, verdict: Verdict) -> str | None:
        """The level at which the gateway's own log tells of this verdict; None: it does not."""
        del verdict
        return None

    def fails_open(self) -> bool:
        """Whether a setting of this kind lets pass what it could not decide, because nobody gave a usable answer."""
        return False

    def secrets(self) -> tuple[str, ...]:
        """The names of secrets that its questions need, as `asking.Credential` has them."""
        return ()

    def holdback(self) -> int | None:
        """
        Widest match in an answer, in characters; None when the whole answer is needed first.

        Asked only of kinds with the phase `output`. 0: this kind looks at no text of answers.
        """
        return None

    def changes_texts(self) -> bool:
        """Whether kinds behind it may see less than there was."""
        return self.rewrites or getattr(self, "action", None) == "redact"

    def withholds(self) -> bool:
        """Whether it may escalate an answer: all of it is kept back then, to be given out when a person agrees."""
        return getattr(self, "action", None) == "escalate"

    def reads_documents(self) -> bool:
        """Whether it says which attached documents may pass. A chain without such a kind lets none pass."""
        return False

    def admits(self, target: Target) -> str | None:
        """Asked only of kinds with the phase `route`: None when the target may be used, else the reason code."""
        del target
        return None


def code_prefix(kind: str) -> str:
    """`prompt-injection` -> `prompt_injection`: the head of its reason codes and the name of its module."""
    return kind.replace("-", "_")
