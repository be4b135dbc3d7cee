"""`quality-scorer` over several choices and several models."""

from __future__ import annotations

import json
from dataclasses import replace

from keeptrusts.core.exchange import Exchange, Part, Phase, Role, Text
from keeptrusts.core.verdict import Allow, Block
from keeptrusts.policy.asking import Answer, Ask
from keeptrusts.policy.assertions import Assertion
from keeptrusts.policy.benchmarks import Benchmarks
from keeptrusts.policy.judges import JudgeModel
from keeptrusts.policy.kinds.quality_scorer import MESSAGE, QualityScorer

RUBRIC = Assertion("llm-rubric", name="polite", rubric="The answer is polite.", threshold=0.5)
MODELS = (JudgeModel("one", base_url="http://judge"), JudgeModel("two", base_url="http://judge"))


def answer(*texts: str) -> Exchange:
    """One text for each choice."""
    said = tuple(Text(("c", at), text, Role.ASSISTANT, choice=at) for at, text in enumerate(texts))
    return Exchange(Phase.OUTPUT, said, answered=True)


def scored(score: float) -> Answer:
    message = {"content": json.dumps({"score": score})}
    return Answer(status=200, body=json.dumps({"choices": [{"message": message}]}).encode())


def test_every_choice_must_pass() -> None:
    """One that does not is enough."""
    kind = QualityScorer(assertions=(Assertion("contains", value="x"),))

    assert kind.judge(answer("x", "ax")) == Allow()
    assert kind.judge(answer("x", "a")) == Block("quality_scorer.contains", MESSAGE)


def test_a_severity_is_the_level_of_a_line_in_the_log() -> None:
    """Of the assertion that the reason names."""
    asserted = (Assertion("contains", value="x", severity="critical"), Assertion("equals", value="x", severity="info"))
    kind = QualityScorer(assertions=(*asserted, Assertion("starts-with", value="x")))

    codes = ("contains", "equals", "starts_with", "aggregate")
    assert [kind.logged(Block(f"quality_scorer.{code}", "")) for code in codes] == ["error", "info", None, None]


def test_a_judge_of_faithfulness_is_shown_the_request() -> None:
    """As data beside the answer, and not for what needs none."""
    kind = QualityScorer(providers=MODELS[:1], benchmarks=Benchmarks(ragas_faithfulness=True, coherence=True))
    said = replace(answer("It is green."), asked=(Text(("m",), 'Colour? "}'),))
    asked = kind.judge(said)
    assert isinstance(asked, Ask)
    faithfulness, coherence = (json.loads(one.body)["messages"][1]["content"] for one in asked.questions)
    document = json.loads(faithfulness.split("\n")[1])
    assert document == {"request": 'Colour? "}', "answer": "It is green."}
    assert coherence.split("\n")[1] == "It is green."


def test_parts_of_a_choice_are_one_answer() -> None:
    """Only what is said counts, not what was thought."""
    kind = QualityScorer(assertions=(Assertion("equals", value="a\nb"),))
    parts = (
        Text(("r",), "think", Role.ASSISTANT, Part.REASONING),
        Text(("a",), "a", Role.ASSISTANT),
        Text(("b",), "b", Role.ASSISTANT),
    )

    assert kind.judge(Exchange(Phase.OUTPUT, parts, answered=True)) == Allow()


def test_each_model_scores_each_rubric_of_each_choice() -> None:
    """All at once; the scores of one are averaged."""
    said = QualityScorer(assertions=(RUBRIC,), providers=MODELS).judge(answer("first", "second"))

    assert isinstance(said, Ask)
    bodies = [json.loads(question.body) for question in said.questions]
    assert [body["model"] for body in bodies] == ["one", "two", "one", "two"]
    assert all("The answer is polite." in body["messages"][0]["content"] for body in bodies)
    assert said.conclude((scored(1), scored(0), scored(0.4), scored(0.6))) == Allow()
    assert said.conclude((scored(1), scored(0), scored(0.4), scored(0.5))) == Block("quality_scorer.polite", MESSAGE)


def test_a_rubric_may_be_negated() -> None:
    """Its score is turned round."""
    rude = Assertion("llm-rubric", name="rude", rubric="The answer is rude.", threshold=0.8, negate=True)
    said = QualityScorer(assertions=(rude,), providers=MODELS[:1]).judge(answer("first"))

    assert isinstance(said, Ask)
    assert said.conclude((scored(0.2),)) == Allow()
    assert said.conclude((scored(0.3),)) == Block("quality_scorer.rude", MESSAGE)
