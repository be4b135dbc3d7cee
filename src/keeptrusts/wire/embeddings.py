"""
OpenAI's embeddings: texts in, vectors out.

Source: the API reference of OpenAI, "Embeddings". Input of token numbers is no text that a policy reads, so it is
refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from keeptrusts.core.errors import UnreadableError
from keeptrusts.core.exchange import Part, Role
from keeptrusts.wire.completions import read_prompts
from keeptrusts.wire.openai_chat import model_of, usage_of, usage_texts
from keeptrusts.wire.readings import ModelAnswer, ModelRequest
from keeptrusts.wire.spelling import refuse_lookalikes
from keeptrusts.wire.strict_json import parse_object
from keeptrusts.wire.texts import Shape, TextCollector, is_model_name, is_number, is_opaque, is_token, one_of

_REQUEST_FIELDS: Final[Mapping[str, Shape]] = {
    "model": is_model_name,
    "dimensions": is_number,
    "encoding_format": one_of("float", "base64"),
}
_READ_APART: Final = frozenset({"input", "user"})
_ANSWER_FIELDS: Final[Mapping[str, Shape]] = {"object": one_of("list"), "model": is_model_name, "id": is_token}
_VECTOR_FIELDS: Final[Mapping[str, Shape]] = {"object": one_of("embedding"), "index": is_number}


def read_request(raw: bytes) -> ModelRequest:
    """
    Read a request.

    Raises:
        UnreadableError: Not JSON that means one thing, no such request, or input of token numbers.
    """
    document = parse_object(raw)
    refuse_lookalikes(document, frozenset(_REQUEST_FIELDS) | _READ_APART)
    collector = TextCollector(Role.USER)
    count = read_prompts(collector, document, "input")
    collector.walk(document.get("user"), ("user",), Part.NAME)
    others = {name: value for name, value in document.items() if name not in _READ_APART}
    collector.members(others, (), _REQUEST_FIELDS)
    return ModelRequest(
        raw=raw,
        document=document,
        texts=tuple(collector.texts),
        tool_calls=(),
        tools=(),
        model=model_of(document),
        stream=False,
        max_tokens=None,
        max_tokens_key="",
        message_count=count,
        user=user if isinstance(user := document.get("user"), str) else None,
    )


def read_answer(raw: bytes) -> ModelAnswer:
    """
    Read an answer.

    Raises:
        UnreadableError: It is no list of vectors.
    """
    document = parse_object(raw)
    listed = document.get("data")
    if not isinstance(listed, list):
        raise UnreadableError("the answer has no `data`")
    collector = TextCollector(Role.ASSISTANT)
    for index, item in enumerate(listed):
        if not isinstance(item, dict) or not _is_vector(item.get("embedding")):
            raise UnreadableError("the answer holds something else than vectors")
        others = {name: value for name, value in item.items() if name != "embedding"}
        collector.members(others, ("data", index), _VECTOR_FIELDS)
    others = {name: value for name, value in document.items() if name not in {"data", "usage"}}
    collector.members(others, (), _ANSWER_FIELDS)
    texts = (*collector.texts, *usage_texts(document).texts)
    return ModelAnswer(raw, texts, (), (), usage_of(document.get("usage")))


def _is_vector(value: Any) -> bool:
    """Numbers, or the same in base64."""
    if isinstance(value, list):
        return all(type(number) in {int, float} for number in value)
    return isinstance(value, str) and is_opaque(value)
