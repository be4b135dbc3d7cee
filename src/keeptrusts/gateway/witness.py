"""
Remembers what the control plane showed of its trail, so that it cannot take anything back unseen.

Every status is answered with the number and digest of the newest checkpoint. The newest is kept, and the last of each
earlier day; `kt events verify --witness FILE` holds an archive against them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from keeptrusts.gateway.segments import write_durably

FILE: Final = "witness.json"
MOST_DAYS: Final = 400
_log = logging.getLogger(__name__)


class Witness:
    """
    Args:
        directory: Of the spool.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        self._heads: list[dict[str, Any]] | None = None

    def note(self, head: object, seen_at: str) -> None:
        """
        Take in a head as it was shown, at an RFC 3339 time in UTC. One that contradicts the last is logged, not kept.

        Blocks: the file is written.
        """
        number = head.get("number") if isinstance(head, Mapping) else None
        if not isinstance(head, Mapping) or not isinstance(number, int) or number < 1:
            return
        heads = self._read()
        last: dict[str, Any] = heads[-1] if heads else {"number": 0, "digest": "", "seen_at": ""}
        shown = {"number": number, "digest": str(head.get("digest")), "seen_at": seen_at}
        if number == last["number"] and shown["digest"] == last["digest"]:
            return
        if number <= last["number"]:
            _log.error("the control plane shows another trail than before", extra={"shown": shown, "known": last})
            return
        if last["seen_at"][:10] == seen_at[:10]:
            heads.pop()
        heads.append(shown)
        del heads[:-MOST_DAYS]
        write_durably(self._path, json.dumps({"heads": heads}).encode())

    def _read(self) -> list[dict[str, Any]]:
        if self._heads is None:
            try:
                self._heads = list(json.loads(self._path.read_bytes())["heads"])
            except FileNotFoundError:
                self._heads = []
            except (OSError, ValueError, KeyError, TypeError):
                _log.warning("`%s` cannot be read; what was witnessed before is lost", FILE)
                self._heads = []
        return self._heads
