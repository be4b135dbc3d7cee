"""
Log lines as Terraform reads them: hclog's JSON on stderr, shown under `TF_LOG_PROVIDER` or `TF_LOG`.

Nothing here knows a secret, and what is registered with `hide` is taken out of every line before it leaves.
"""

from __future__ import annotations

import os
import time

HIDDEN = "(hidden)"
_SHORTEST = 4
_hidden: set[str] = set()


def hide(secret: str) -> None:
    """From now on this text is in no line. Very short ones would blot out ordinary words."""
    if len(secret) >= _SHORTEST:
        _hidden.add(secret)


def without_secrets(text: str) -> str:
    """The text with everything that was hidden taken out."""
    for secret in sorted(_hidden, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def log(message: str, level: str = "error") -> None:
    """One line. `level`: trace, debug, info, warn, error."""
    import json

    now = time.time()
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    line = {
        "@level": level,
        "@message": without_secrets(message),
        "@module": "keeptrusts",
        "@timestamp": f"{moment}.{int(now * 1_000_000) % 1_000_000:06d}Z",
    }
    try:
        os.write(2, json.dumps(line).encode() + b"\n")
    except OSError:
        return  # nobody reads
