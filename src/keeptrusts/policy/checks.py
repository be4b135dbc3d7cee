"""Looks at single texts of the document, for `Attr.check`. Pure Python; an installed RE2 is asked as well."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from keeptrusts.detect.pattern import PatternError, read_pattern
from keeptrusts.policy.providers import KNOWN, canonical
from keeptrusts.policy.reading import suggest
from keeptrusts.policy.schema import Attr, Fault

_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""RFC 9110, section 5.6.2."""
_KEYS = ("sk-", "sk_", "xai-", "gsk_", "hf_", "pplx-", "AIza", "kt_key_", "kt_gw_")
"""How keys of providers, and our own, begin."""
_SHORTEST_KEY = 32


def regex(text: str) -> Fault | None:
    """A pattern that a linear-time engine accepts and that does not match the empty text."""
    fault = linear(text)
    if fault is None and read_pattern(text).least == 0:
        return Fault("E007", (), "the pattern is refused: it matches the empty text", "make a part of it mandatory")
    return fault


def linear(text: str) -> Fault | None:
    """A pattern that a linear-time engine accepts."""
    try:
        read_pattern(text)
        _compile(text)
    except PatternError as why:
        return Fault("E007", (), f"the pattern is refused: {why}", "write it in the syntax of RE2")
    return None


def _compile(text: str) -> None:
    try:
        from keeptrusts.detect.engine import compile_regex
    except ImportError:  # the Terraform provider carries no engine
        return
    compile_regex(text)


def states(text: str) -> int:
    """About how large the automaton of a pattern is; of one that is refused, nothing."""
    try:
        return read_pattern(text).size
    except PatternError:
        return 0


Regex: TypeAlias = Annotated[str, Attr(minimum=1, check=regex, weigh=states)]


def visible(text: str) -> Fault | None:
    """Something that can be looked for in a text."""
    if any(letter.isascii() and letter.isprintable() and letter != " " for letter in text):
        return None  # nothing that folds these away: what folds others takes longer to import
    from keeptrusts.detect.fold import words_of

    return None if words_of(text) else Fault("E003", (), "it holds no visible character", "write the words themselves")


Phrase: TypeAlias = Annotated[str, Attr(minimum=1, maximum=500, check=visible)]


def semantic_version(text: str) -> Fault | None:
    """`1.2.3`, `1.2.3-rc.1+build` (semver.org, 2.0.0)."""
    head, plus, build = text.partition("+")
    core, dash, pre = head.partition("-")
    numbers = core.split(".")
    sound = len(numbers) == 3 and all(_is_number(one) for one in numbers)
    if dash:
        sound = sound and all(_is_label(one) and (not one.isdigit() or _is_number(one)) for one in pre.split("."))
    if plus:
        sound = sound and all(_is_label(one) for one in build.split("."))
    return None if sound else Fault("E003", (), f"`{text[:60]}` is not a version", 'write it like `"1.0.0"`')


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and (text == "0" or not text.startswith("0"))


def _is_label(text: str) -> bool:
    return bool(text) and text.isascii() and all(letter.isalnum() or letter == "-" for letter in text)


def secret_name(text: str) -> Fault | None:
    """The name of a secret, never the secret."""
    if len(text) >= _SHORTEST_KEY and text.startswith(_KEYS):
        return Fault("E008", (), "what stands here looks like the secret itself", "write the name, not the secret")
    if text and len(text) <= 200 and _NAME.issuperset(text):
        return None
    return Fault("E003", (), "a secret's name is letters, digits, `_`, `-` and `.`", "write the name, not the secret")


def path_word(text: str) -> Fault | None:
    """A name that can stand in a URL as it is."""
    if text and _NAME.issuperset(text):
        return None
    return Fault("E003", (), "it is letters, digits, `_`, `-` and `.`", "write the name as the provider shows it")


def amazon_region(text: str) -> Fault | None:
    """A region as Amazon writes them: `us-east-1`, `us-gov-west-1`. It becomes a part of the host."""
    *words, number = text.split("-")
    sound = len(words) > 1 and all(_is_word(one) for one in words) and number.isascii() and number.isdigit()
    return (
        None if sound else Fault("E003", (), f"`{text[:60]}` is not a region of Amazon's", "write it like `us-east-1`")
    )


def _is_word(text: str) -> bool:
    return text.isascii() and text.isalpha() and text.islower()


def header_name(text: str) -> Fault | None:
    """RFC 9110, section 5.1."""
    sound = 0 < len(text) <= 200 and _TOKEN.issuperset(text)
    return None if sound else Fault("E003", (), f"`{text[:60]}` is not the name of a header field")


_OF_THE_CONNECTION: Final = frozenset(
    {
        "connection", "content-length", "expect", "host", "keep-alive", "proxy-authenticate",
        "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip
"""Say where a request goes and where it ends (RFC 9110, section 7; RFC 9112, section 6): two of one disagree."""


def sent_header_name(text: str) -> Fault | None:
    """Name of a header field that a document adds to requests."""
    if text.lower() in _OF_THE_CONNECTION:
        return Fault("E003", (), f"`{text}` is about the connection, and the gateway alone says it", "remove it")
    return header_name(text)


def base_url(text: str) -> Fault | None:
    """An absolute http or https URL without credentials, query or fragment."""
    from urllib.parse import urlsplit  # takes 3 ms, and most documents have no URL

    try:
        parts = urlsplit(text)
        port_is_sound = parts.port is None or parts.port > 0
    except ValueError:
        return Fault("E003", (), "it is not a URL", "write it like `https://api.example.com/v1`")
    if parts.username or parts.password:
        return Fault("E008", (), "a credential stands in the URL", "use `secret_key_ref`")
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_sound or text != text.strip():
        return Fault("E003", (), "it must be an http or https URL", "write it like `https://api.example.com/v1`")
    if parts.query or parts.fragment:
        return Fault("E003", (), "the URL may not have a query or a fragment", "use `path_template` for the path")
    return None


def email(text: str) -> Fault | None:
    """One `@`, something on both sides, no blanks."""
    local, at, domain = text.partition("@")
    sound = local and at and "@" not in domain and "." in domain.strip(".") and not any(c.isspace() for c in text)
    return None if sound else Fault("E003", (), f"`{text[:60]}` is not an e-mail address")


def provider(text: str) -> Fault | None:
    """A provider that this version speaks with, alone or as `provider:chat:model`."""
    name, colon, rest = text.partition(":")
    if canonical(name) not in KNOWN:
        return Fault("E003", (), f"unknown provider `{name[:60]}`", suggest(name, KNOWN, "providers"))
    mode, _, model = rest.partition(":")
    if colon and (mode != "chat" or not model):
        return Fault("E003", (), "a composite provider is `provider:chat:model`", f"write `{name}:chat:MODEL`")
    return None


def literal_secret(text: str) -> Fault | None:
    """Whatever it is, it must not stand here."""
    del text
    hint = "write `secret_key_ref: {env: NAME}` or `{store: NAME}`"
    return Fault("E008", (), "`api_key` is a secret, and secrets never stand in the document", hint)


def path_template(text: str) -> Fault | None:
    """A path from the root, without query."""
    sound = text.startswith("/") and not any(letter.isspace() or letter in "?#" for letter in text)
    return (
        None if sound else Fault("E003", (), "it must be a path that begins with `/`", "write `/v1/chat/completions`")
    )
