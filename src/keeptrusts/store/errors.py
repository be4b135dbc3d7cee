"""
What the store raises besides `core.errors`.

* InputError
  - ConflictError            another object stands in the way (`name_taken`, `in_use`)
* KeeptrustsError
  - RepeatedEventError       an event was there already; the transaction is over
  - StoreUnavailableError    full, locked, away or not migrated: nothing was written; trying again later is right
"""

from __future__ import annotations

from keeptrusts.core.errors import InputError, KeeptrustsError


class ConflictError(InputError):
    code = "conflict"


class StoreUnavailableError(KeeptrustsError):
    code = "store_unavailable"


class RepeatedEventError(KeeptrustsError):
    code = "repeated_event"
