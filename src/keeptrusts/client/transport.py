"""HTTP over urllib3: connections kept open, TLS verified, proxies of the environment, no redirects."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit

from keeptrusts.client.exchange import LostError, Opened, Request
from keeptrusts.core.errors import InputError

if TYPE_CHECKING:
    import ssl

    import urllib3

CONNECT_S: Final = 10.0
CONNECTIONS: Final = 8


class HttpTransport:
    """
    Sends to one control plane, with one credential.

    Args:
        token: Empty: no credential is sent.
        ca_certificate: PEM text, or the path of a PEM file, of authorities trusted instead of the system's.

    Raises:
        InputError: An address or a token that cannot be one. The message does not hold the token.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        timeout_seconds: float,
        user_agent: str,
        ca_certificate: str | None = None,
        insecure_skip_verify: bool = False,
    ) -> None:
        self.base_url = read_base_url(base_url)
        self._headers = {"accept": "application/json", "user-agent": user_agent}
        if token:
            self._headers["authorization"] = f"Bearer {_read_token(token)}"
        self._timeout_seconds = timeout_seconds
        self._pool = _pool(self.base_url, ca_certificate, insecure_skip_verify=insecure_skip_verify)

    def __repr__(self) -> str:
        return f"HttpTransport({self.base_url!r})"

    def open(self, request: Request) -> Opened:
        import urllib3

        url = self.base_url + request.path + (f"?{urlencode(request.query)}" if request.query else "")
        silence = request.wait_seconds or self._timeout_seconds
        try:
            answer = self._pool.request(
                request.method,
                url,
                body=request.body,
                headers=self._headers | dict(request.headers),
                timeout=urllib3.Timeout(connect=min(CONNECT_S, self._timeout_seconds), read=silence),
                preload_content=False,
                redirect=False,
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise _lost(error) from None
        return _Answer(answer)

    def close(self) -> None:
        self._pool.clear()


class _Answer:
    def __init__(self, answer: urllib3.BaseHTTPResponse) -> None:
        self._answer = answer
        self.status = int(answer.status)
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in answer.headers.items()}
        self._whole = False

    def chunks(self) -> Iterator[bytes]:
        import urllib3

        try:
            yield from self._answer.stream(65536)
        except urllib3.exceptions.HTTPError as error:
            raise LostError(_reason(error)) from None
        self._whole = True

    def close(self) -> None:
        """Only a connection whose answer was read to its end can serve again."""
        if self._whole:
            self._answer.release_conn()
        else:
            self._answer.close()


def read_base_url(text: str) -> str:
    """
    The address without a trailing slash or `/v1`.

    Raises:
        InputError: It is not one, or holds a credential.
    """
    try:
        parts = urlsplit(text.strip())
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, usable = urlsplit(""), False
    if not usable:
        raise InputError("the API URL must look like `https://keeptrusts.example.com`", code="invalid_api_url")
    if parts.username is not None or parts.query or parts.fragment:
        raise InputError(
            "the API URL holds no user, query or fragment; give the key separately", code="invalid_api_url"
        )
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path.removesuffix('/v1')}"


def _read_token(token: str) -> str:
    if not token.isascii() or not token.isprintable() or " " in token:
        raise InputError("the API key holds a character that no key has; copy it again", code="invalid_api_key")
    return token


def _pool(base_url: str, ca_certificate: str | None, *, insecure_skip_verify: bool) -> urllib3.PoolManager:
    import urllib3

    context = None
    if base_url.startswith("https:"):
        context = _tls(ca_certificate, insecure_skip_verify=insecure_skip_verify)
    proxy = _proxy(base_url)
    if proxy is None:
        return urllib3.PoolManager(num_pools=2, maxsize=CONNECTIONS, ssl_context=context)
    return urllib3.ProxyManager(proxy, num_pools=2, maxsize=CONNECTIONS, ssl_context=context)


def _tls(ca_certificate: str | None, *, insecure_skip_verify: bool) -> ssl.SSLContext:
    import ssl

    text = ca_certificate if ca_certificate and "-----BEGIN" in ca_certificate else None
    try:
        context = ssl.create_default_context(cafile=None if text else ca_certificate, cadata=text)
    except (OSError, ValueError):
        raise InputError(
            "`ca_certificate` must be PEM text or the path of a PEM file", code="invalid_ca_certificate"
        ) from None
    if insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _proxy(base_url: str) -> str | None:
    """The proxy that the environment names for this address; never one for the machine itself."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(base_url)
    host = parts.hostname or ""
    proxies = getproxies()
    if _is_here(host) or proxy_bypass(host):
        return None
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if proxy and proxy.startswith(("http://", "https://")) else None


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _lost(error: Exception) -> LostError:
    import urllib3.exceptions as failures

    cause = error.original_error if isinstance(error, failures.ProxyError) else error
    unsent = isinstance(cause, failures.NewConnectionError | failures.ConnectTimeoutError | failures.SSLError)
    return LostError(_reason(cause), unsent=unsent, final=isinstance(cause, failures.SSLError))


def _reason(error: BaseException) -> str:
    import ssl

    import urllib3.exceptions as failures

    match error:
        case failures.NameResolutionError():
            return "its name does not resolve"
        case failures.NewConnectionError():
            return "no connection could be made"
        case failures.TimeoutError():
            return "it took too long"
        case failures.SSLError(args=(ssl.SSLError() as told, *_)) if not isinstance(told, ssl.SSLCertVerificationError):
            return "TLS with it fails; does its address begin with `http://`?"
        case failures.SSLError():
            return "its certificate does not verify; see `ca_certificate`"
        case _:
            return "the connection was lost"
