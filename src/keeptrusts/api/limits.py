"""Bounds that both ends know, each written once."""

from __future__ import annotations

from typing import Final

MAX_POLICY_BYTES: Final = 1024 * 1024
MAX_BODY_BYTES: Final = 8 * 1024 * 1024
MAX_EVENTS_IN_BATCH: Final = 1000
MAX_PAGE: Final = 200
PAGE: Final = 50
