"""Secrets that have no form of their own and are told by what stands before them: a name, an option, a header."""

from __future__ import annotations

import re
from typing import Final

from keeptrusts.detect.emulators import no_part
from keeptrusts.detect.randomness import PLACEHOLDERS
from keeptrusts.detect.scan import ALNUM, Check, Rule

_ASSIGNS: Final = r"(?:[\"'*]{0,3}[ \t]{0,2}(?:=>|:=|=|:|>)[ \t*]{0,3}[\"'`]?| (?:is|was) [\"'`]?)"
_SOON: Final = r"(?:[\"'*]{0,3}[ \t]{0,2}[=:>]| (?:is|was) )"
"""How each of these begins."""
_PRIVATE: Final = (
    r"password|passwd|pwd|passphrase|passcode|passwort|senha|contrasena|(?:db|database|key|root|admin|smtp|ftp)[_-]?pass"
    r"|secret|private[ _-]?key|apikey"
    r"|(?:api|auth|service|account|client|signing|encryption|master|shared|storage|license|webhook|deploy|app|consumer"
    r"|secret|access|refresh|session|bot|personal)[ _-]?(?:key|secret|token)"
)
"""Names of what nobody else may know."""
_WORDS: Final = "password|passwd|pwd|passphrase|passcode|passwort|senha|contrasena|pass"
_CALLED: Final = frozenset("([")
"""What follows a name in a program, not a secret."""
_REFERENCE: Final = re.compile(r"\$[A-Za-z_]\w*|%[A-Z_][A-Z0-9_]*%|[a-z_]\w*(?:\.[a-z_]\w*)+")
"""A variable, or an attribute of an object: `$DB_PASSWORD`, `config.db1.password`."""
_NOBODYS: Final = frozenset(
    {"password", "passwd", "pass", "pwd", "passw0rd", "secret", "user", "username", "mypassword", "pw", "token", "key"}
)


def real(text: str) -> int:
    """Refuse what a manual would print instead of a secret."""
    lowered = text.lower()
    fake = any(word in lowered for word in PLACEHOLDERS) or len(set(text)) < 6
    return 0 if fake else no_part(text)


def assigned(text: str) -> int:
    """What stands behind `password=` is a secret when it is no word, no reference and no placeholder."""
    mixed = any(map(str.isdigit, text)) and any(map(str.isalpha, text))
    return real(text) if mixed and not _REFERENCE.fullmatch(text) else 0


def credential(text: str) -> int:
    """What a header carries: letters and digits, or letters of both cases, as base64 has them."""
    cases = any(map(str.isupper, text)) and any(map(str.islower, text))
    return assigned(text) or (real(text) if cases else 0)


def token(text: str) -> int:
    """What stands behind `token=` alone: many a name ends so, and pages of a list have tokens, too."""
    letters = sum(map(str.isalpha, text))
    return assigned(text) if letters >= 4 and sum(map(str.isdigit, text)) >= 2 and len(set(text)) >= 10 else 0


def address(text: str) -> int:
    """Refuse what documentation writes where a user name and a password belong."""
    user, _, password = text.rpartition("://")[2].removesuffix("@").partition(":")
    return 0 if password.strip("[]").lower() in _NOBODYS or (user, password) == ("scott", "tiger") else real(text)


def quoted(text: str) -> int:
    """A password in quotes may have every sign: of letters, digits and signs two kinds are enough."""
    kinds = (any(map(str.isalpha, text)), any(map(str.isdigit, text)), any(one in "!@#$%^&*?+=;,:~" for one in text))
    named = text.lower() in _NOBODYS or _REFERENCE.fullmatch(text)
    return real(text) if sum(kinds) > 1 and not named else 0


def _named(value: str, names: str, check: Check, *, sieve: str, back: int, confidence: float = 0.7) -> Rule:
    return Rule(
        "password",
        value,
        label=names,
        before=ALNUM,
        after=_CALLED,
        check=check,
        caseless=True,
        sieve=sieve,
        back=back,
        confidence=confidence,
    )


ANNOUNCED: Final = (
    _named(
        r"[^\s\"'`,;:@<>{}()\[\]]{6,48}",
        rf"(?:{_PRIVATE})" + _ASSIGNS,
        assigned,
        sieve=rf"(?:{_WORDS}|key|secret|token){_SOON}",
        back=34,
    ),
    _named(
        r"[^\s\"'`<>]{6,48}",
        rf"(?:{_WORDS})[\"']?[ \t]{{0,2}}(?:=>|:=|=|:)[ \t]{{0,2}}[\"'`]",
        quoted,
        sieve=rf"(?:{_WORDS})[\"']?[ \t]{{0,2}}[=:]",
        back=20,
    ),
    _named(
        r"[A-Za-z0-9+/=._~-]{16,80}",
        r"(?:token|credentials?|cookie|bearer)" + _ASSIGNS,
        token,
        sieve=rf"(?:token|credentials?|cookie|bearer){_SOON}",
        back=24,
        confidence=0.65,
    ),
    _named(
        r"[^\s\"'`<>]{6,48}",
        r"--(?:password|passwd|pass|token|api-?key|secret|secret-key|auth-token|access-token)[ =][\"']?",
        assigned,
        sieve=r"--(?:pass|token|api-?key|secret|auth-token|access-token)",
        back=14,
    ),
    _named(
        r"[A-Za-z0-9+/=._~-]{8,80}",
        r"authorization[\"']?[ \t]{0,2}[:=][ \t]{0,2}[\"']?(?:basic|bearer|token)[ \t]{1,2}",
        credential,
        sieve=r"authorization[\"']?[ \t]{0,2}[:=]",
        back=18,
    ),
    _named(
        r"[^\s\"'`<>]{6,48}",
        r"curl(?: [ -~]{0,40})? (?:-u|--user)[ =]?[\"']?[^\s:\"'<>$]{1,32}:",
        assigned,
        sieve="curl ",
        back=5,
    ),
    Rule(
        "connection_string",
        r"[a-z][a-z0-9+]{1,15}://[^\s:@/\"'<>]{0,24}:[^\s:@/\"'<>]{3,48}@",
        after=frozenset(),
        check=address,
        caseless=True,
        sieve=r"://[^\s:@/\"'<>]{0,24}:[^\s:@/\"'<>]{3}",
        back=52,
    ),
)
