"""
Everything Keeptrusts raises on purpose.

* KeeptrustsError
  - InputError                 the caller sent something we cannot read or accept
    . UnreadableError          bytes that are not what they claim to be (law 2: unreadable blocks)
    . VersionConflictError     somebody else wrote first
    . NotFoundError            no such object for this caller
  - NotAuthorisedError         the credential is absent, unknown, expired, or may not do this
  - UpstreamError              a model provider failed
    . UpstreamUnreachableError no connection could be made
    . CircuitOpenError         it is left alone, so nothing was sent
    . UpstreamTimeoutError     it did not answer in time
    . UpstreamLostError        it stopped in the middle of an answer
    . UpstreamGarbledError     it sent what we cannot read
  - ClientGoneError            nobody is listening any more
  - ApiError                   the control plane refused a call (client side)
    . ApiUnreachableError      it could not be reached
  - QuotaUnavailableError      what counts rates for several gateways does not answer
  - SpoolFullError             a decision could not be made durable
  - UntrustedBundleError       a bundle that does not verify, has expired, or goes back in time
"""

from __future__ import annotations


class KeeptrustsError(Exception):
    """The root. `code` is stable, snake_case and safe to show; the message holds no user text but names."""

    code = "error"

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class InputError(KeeptrustsError):
    code = "invalid_input"


class UnreadableError(InputError):
    code = "unreadable"


class VersionConflictError(InputError):
    code = "version_conflict"


class NotFoundError(InputError):
    code = "not_found"


class NotAuthorisedError(KeeptrustsError):
    code = "not_authorised"


class UpstreamError(KeeptrustsError):
    code = "upstream_error"


class UpstreamUnreachableError(UpstreamError):
    code = "upstream_unreachable"


class CircuitOpenError(UpstreamUnreachableError):
    """
    It failed too often, and is left alone.

    Args:
        wait_seconds: Until it is tried again.
    """

    code = "circuit_open"

    def __init__(self, message: str, wait_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class UpstreamTimeoutError(UpstreamError):
    code = "upstream_timeout"


class UpstreamLostError(UpstreamError):
    code = "upstream_lost"


class UpstreamGarbledError(UpstreamError):
    code = "upstream_garbled"


class ClientGoneError(KeeptrustsError):
    code = "client_gone"


class ApiError(KeeptrustsError):
    """
    The control plane answered with a problem document (RFC 9457).

    Args:
        status: HTTP status; 0 when there was no answer.
        errors: The problem's `errors[]`, each `{path, code, message}`.
        retry_after: Seconds to wait before another try, when the answer said so.
    """

    code = "api_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int = 0,
        request_id: str | None = None,
        errors: tuple[dict[str, object], ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.request_id = request_id
        self.errors = errors
        self.retry_after = retry_after

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} (request `{self.request_id}`)" if self.request_id else message


class ApiUnreachableError(ApiError):
    code = "api_unreachable"


class QuotaUnavailableError(KeeptrustsError):
    code = "limits_unavailable"


class SpoolFullError(KeeptrustsError):
    code = "spool_full"


class UntrustedBundleError(KeeptrustsError):
    code = "untrusted_bundle"
