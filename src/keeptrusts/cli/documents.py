"""Policy documents that a command is given by path."""

from __future__ import annotations

import sys
from pathlib import Path

from keeptrusts.cli.failure import Exit, Failure, stop
from keeptrusts.policy.findings import InvalidPolicyError
from keeptrusts.policy.source import MAX_BYTES, SourceError, decode_document


def read_document(path: str) -> bytes:
    """The bytes of a file, or of standard input for `-`: at most one more than a document may have."""
    try:
        if path == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as fault:
        reason = (fault.strerror or "it cannot be read").lower()
        next_step = "name a policy document, or write one with `kt init`"
        raise stop(f"`{path}` cannot be read: {reason}", next_step, code="unreadable_file") from None


def sound_text(path: str, *, otherwise: int = Exit.WRONG_INPUT, allow_literal_secrets: bool = False) -> str:
    """The text of a document that lints; anything else ends the command, with this exit status."""
    from keeptrusts.policy.analysis import sound

    try:
        text = decode_document(read_document(path))
        sound(text, allow_literal_secrets=allow_literal_secrets)
    except SourceError as fault:
        raise _not_valid(path, otherwise, f"{fault.finding.code}: {fault.finding.message}") from None
    except InvalidPolicyError as fault:
        raise _not_valid(path, otherwise, str(fault)) from None
    return text


def _not_valid(path: str, status: int, reason: str) -> Failure:
    next_step = f"see everything that is wrong with `kt policy lint --file {path}`"
    return stop(f"`{path}` is not valid: {reason}", next_step, status=status, code=InvalidPolicyError.code)
