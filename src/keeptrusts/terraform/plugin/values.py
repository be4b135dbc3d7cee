"""Values as Terraform sends them: plain Python, and one word for what is not known yet."""

from __future__ import annotations


class Unknown:
    """
    A value that only apply will show. There is one, `UNKNOWN`; compare with `is`.

    It has no truth value: code that forgets it fails instead of taking it for something.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("an unknown value is neither true nor false")


UNKNOWN = Unknown()


class Json(bytes):
    """A value that is JSON already: Terraform takes that as well as msgpack."""


class WireError(ValueError):
    """Bytes that are not what the protocol says."""
