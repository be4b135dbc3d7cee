"""
Vectors of texts by Amazon Bedrock, where each family of models has a form of its own (InvokeModel).

Source: the user guide of Amazon Bedrock, "Amazon Titan Text Embeddings models" and "Cohere Embed models". Other
families are refused: what they would be sent is not known here.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Sequence
from typing import Any, Final

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire.openai_chat import natural
from keeptrusts.wire.strict_json import parse_object
from keeptrusts.wire.translation import Asked, guarded, read_translatable

_TRANSLATED: Final = frozenset({"model", "input", "user", "encoding_format", "dimensions", "input_type"})
_TITAN: Final = "amazon.titan-embed-text"
_COHERE: Final = "cohere.embed"


@guarded
def request_to_vectors(raw: bytes) -> bytes:
    """
    A request of OpenAI's for embeddings, as the family of the model wants it.

    Raises:
        UnreadableError: The family is not known, or takes no more than one text.
    """
    document = read_translatable(raw, _TRANSLATED)
    texts = document["input"] if isinstance(document["input"], list) else [document["input"]]
    model, dimensions = document["model"], document.get("dimensions")
    if _TITAN in model:
        out = _for_titan(texts, document.get("input_type"))
        size = {"dimensions": dimensions}
    elif _COHERE in model:
        out = {"texts": texts, "input_type": document.get("input_type") or "search_document"}
        out["embedding_types"] = ["float"]
        size = {"output_dimension": dimensions}
    else:
        raise UnreadableError("this model's form of embeddings is not known: name one of Titan's or Cohere's")
    return json.dumps(out | (size if dimensions is not None else {}), ensure_ascii=False).encode()


def answer_from_vectors(raw: bytes, asked: Asked) -> bytes:
    """
    The vectors as OpenAI lists them, in the encoding that was asked for.

    Raises:
        UnreadableError: There are none.
    """
    return guarded(lambda given: _listed(given, asked))(raw)


def _for_titan(texts: Sequence[str], input_type: Any) -> dict[str, Any]:
    if len(texts) != 1 or input_type is not None:
        name = "`input_type`" if len(texts) == 1 else "a list of several texts"
        raise UnreadableError(f"{name} cannot be translated for this model: send one text, and nothing about it")
    return {"inputText": texts[0]}


def _listed(raw: bytes, asked: Asked) -> bytes:
    answer = parse_object(raw)
    vectors = [answer["embedding"]] if "embedding" in answer else answer["embeddings"]
    if isinstance(vectors, dict):
        vectors = vectors["float"]
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(vector) if asked.packed else list(vector)}
        for index, vector in enumerate(vectors)
    ]
    out = {"object": "list", "data": data, "model": asked.model}
    count = natural(answer.get("inputTextTokenCount"))
    usage = {"usage": {"prompt_tokens": count, "total_tokens": count}} if count is not None else {}
    return json.dumps(out | usage).encode()


def _packed(vector: Sequence[float]) -> str:
    """As OpenAI packs them: floats of four bytes, the least first, in base64."""
    try:
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except struct.error:
        raise UnreadableError("the answer holds something else than vectors") from None
