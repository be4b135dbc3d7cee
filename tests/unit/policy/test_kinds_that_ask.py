"""What the kinds that ask have in common, and the edges of asking."""

from __future__ import annotations

import pytest

from keeptrusts.core.exchange import Exchange, Phase, Role, Text
from keeptrusts.core.verdict import Allow, Block
from keeptrusts.detect.likeness import LONGEST, sentences
from keeptrusts.policy.engine import Chain
from keeptrusts.policy.judges import JudgeModel
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.kinds.embedding_detector import MOST_TEXTS, Category, EmbeddingDetector
from keeptrusts.policy.kinds.external_moderation import ExternalModeration
from keeptrusts.policy.kinds.flagged_review import FlaggedReview
from keeptrusts.policy.kinds.quality_scorer import QualityScorer
from keeptrusts.policy.kinds.tool_security import ToolSecurity
from keeptrusts.policy.secret_refs import SecretRef

KEY = SecretRef(env="SERVICE_KEY")
JUDGE = JudgeModel("m", base_url="http://judge", secret_key_ref=KEY)


@pytest.mark.parametrize(
    "kind",
    [
        ExternalModeration(endpoint="http://service", secret_key_ref=KEY),
        EmbeddingDetector(backend="external", endpoint="http://service", secret_key_ref=KEY),
        ToolSecurity(analysis_mode="external", firewall_endpoint="http://service", secret_key_ref=KEY),
        FlaggedReview(JUDGE),
        QualityScorer(providers=(JUDGE,)),
    ],
)
def test_a_kind_names_the_secrets_it_needs(kind: Policy) -> None:
    """So that a gateway can say at its start which one is missing."""
    assert kind.secrets() == ("SERVICE_KEY",)


def detector() -> EmbeddingDetector:
    return EmbeddingDetector(
        backend="external", endpoint="http://service", categories=(Category("x", "A sentence. Another."),)
    )


def test_texts_without_a_word_are_not_asked_about() -> None:
    """There is no sentence in them."""
    assert detector().judge(Exchange(Phase.INPUT, (Text(("a",), "..."),))) == Allow()


def test_too_many_texts_are_refused_rather_than_passed() -> None:
    """A request of thousands of messages is not one that an endpoint embeds in time."""
    texts = tuple(Text(("a", at), f"message {at}", Role.USER) for at in range(MOST_TEXTS + 1))
    said = Chain([detector()]).judge_request(Exchange(Phase.INPUT, texts), lambda: 0)

    assert said.verdict == Block("embedding_detector.error", "`embedding-detector` failed with ValueError")


@pytest.mark.parametrize("text", ["x" * (2 * LONGEST + 1), "word " * 200])
def test_a_sentence_without_an_end_is_cut(text: str) -> None:
    """Between words where there are any."""
    spans = sentences(text)

    assert max(end - start for start, end in spans) <= LONGEST
    assert "".join(text[start:end] for start, end in spans).replace(" ", "") == text.replace(" ", "")
    assert " " not in text or all(text[start:end].strip().startswith("word") for start, end in spans)
