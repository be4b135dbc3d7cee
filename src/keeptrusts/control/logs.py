"""Logs as JSON lines on stderr. An exception shows its type and places, never its message: that may quote a prompt."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from keeptrusts.control.middleware import describe


class JsonLines(logging.Formatter):
    """One object a line; `extra={"fields": {...}}` of a call adds its members."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": str(record.msg) if record.exc_info else record.getMessage(),
        }
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            line |= fields
        if record.exc_info and record.exc_info[1] is not None:
            line["message"] = line["message"].splitlines()[0] if isinstance(line["message"], str) else ""
            line |= describe(record.exc_info[1])
        return json.dumps(line, default=str)


def log_to_stderr(level: int = logging.INFO) -> None:
    """For the whole process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # its lines about each connection and start-up step say nothing that ours do not
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
