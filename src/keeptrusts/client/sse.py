"""The stream of events as the control plane speaks it: frames of `id:` and `data:`, and comments between them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Frame:
    """`id` goes back as `Last-Event-ID`; `data` is its JSON."""

    id: str | None
    data: Any


def frames(chunks: Iterable[bytes]) -> Iterator[Frame]:
    """
    The complete frames with data, however the stream is cut; an unfinished one at its end is dropped.

    Raises:
        ValueError: A frame is no UTF-8, no JSON, or too large.
    """
    # the Terraform provider carries this package without `wire`, and follows no stream
    from keeptrusts.core.errors import UnreadableError
    from keeptrusts.wire.sse import SseDecoder

    decoder = SseDecoder()
    for chunk in chunks:
        try:
            found = list(decoder.feed(chunk))
        except UnreadableError as unreadable:
            raise ValueError(str(unreadable)) from None
        yield from (Frame(_id(one.rest), json.loads(one.data)) for one in found if one.data is not None)


def _id(lines: str) -> str | None:
    values = [line.removeprefix("id:").strip() for line in lines.splitlines() if line.startswith("id:")]
    return values[-1] if values else None
