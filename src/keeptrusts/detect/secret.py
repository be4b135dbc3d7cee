"""
Credentials: the formats that their issuers document, and tokens that are too random for prose.

Widths are kept small because a stream is held back by the widest of them. What is longer (a JWT, the body of a PEM
block) is covered by its head and by windows of random characters that lie over each other.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from keeptrusts.detect.fold import view
from keeptrusts.detect.randomness import INSIDE, OUTSIDE, PLACEHOLDERS, WINDOW, random_windows
from keeptrusts.detect.scan import ALNUM, Hit, Rule, RuleSet

_IN_TOKEN: Final = ALNUM | {"_", "-"}


def real(text: str) -> int:
    """Refuse what a manual would print instead of a secret."""
    lowered = text.lower()
    return 0 if any(word in lowered for word in PLACEHOLDERS) or len(set(text)) < 6 else len(text)


def assigned(text: str) -> int:
    """What stands behind `password=` is a secret when it is no word, no reference and no placeholder."""
    mixed = any(map(str.isdigit, text)) and any(map(str.isalpha, text))
    return real(text) if mixed else 0


def _rule(category: str, pattern: str) -> Rule:
    # A key in an issuer's own format is taken for one even when it says EXAMPLE: nobody loses by hiding it.
    return Rule(category, pattern, before=_IN_TOKEN, after=frozenset(), confidence=0.97)


_FORMATS: Final = (
    _rule("aws_access_key", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"),
    _rule("github_token", r"gh[pousr]_[A-Za-z0-9]{36,40}"),
    _rule("github_token", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    _rule("gitlab_token", r"gl(?:pat|dt|rt|ptt|cbt|soat|ft|imt|agent)-[A-Za-z0-9_-]{20,50}"),
    _rule("slack_token", r"xox[abeprs]-[A-Za-z0-9-]{10,72}"),
    _rule("slack_token", r"xapp-\d-[A-Z0-9]{8,12}-\d{10,14}-[a-f0-9]{64}"),
    _rule("slack_webhook", r"hooks\.slack\.com/services/T[A-Z0-9]{7,12}/B[A-Z0-9]{7,12}/[A-Za-z0-9]{20,26}"),
    _rule("stripe_key", r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,99}"),
    _rule("stripe_key", r"whsec_[A-Za-z0-9+/=]{24,64}"),
    _rule("openai_key", r"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,80}"),
    _rule("openai_key", r"sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"),
    _rule("openai_key", r"sk-[A-Za-z0-9]{20,64}"),
    _rule("anthropic_key", r"sk-ant-[a-z]{2,8}\d{2}-[A-Za-z0-9_-]{20,100}"),
    _rule("google_api_key", r"AIza[A-Za-z0-9_-]{35}"),
    _rule("google_oauth", r"GOCSPX-[A-Za-z0-9_-]{28}"),
    _rule("google_oauth", r"ya29\.[A-Za-z0-9_-]{20,100}"),
    _rule("huggingface_token", r"hf_[A-Za-z0-9]{30,40}"),
    _rule("npm_token", r"npm_[A-Za-z0-9]{36}"),
    _rule("pypi_token", r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{20,80}"),
    _rule("sendgrid_key", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    _rule("mailgun_key", r"key-[a-f0-9]{32}"),
    _rule("twilio_key", r"SK[a-f0-9]{32}"),
    _rule("digitalocean_token", r"do[opr]_v1_[a-f0-9]{64}"),
    _rule("shopify_token", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    _rule("square_token", r"(?:EAAA[A-Za-z0-9_-]{60}|sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43})"),
    _rule("telegram_token", r"\d{8,10}:AA[A-Za-z0-9_-]{33}"),
    _rule("discord_token", r"[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}"),
    _rule("databricks_token", r"dapi[a-f0-9]{32}"),
    _rule("doppler_token", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9]{40,44}"),
    _rule("linear_key", r"lin_api_[A-Za-z0-9]{40}"),
    _rule("newrelic_key", r"NRAK-[A-Z0-9]{27}"),
    _rule("grafana_token", r"gl(?:c|sa)_[A-Za-z0-9_=+/-]{32,100}"),
    _rule("vault_token", r"hv[sbr]\.[A-Za-z0-9_-]{24,100}"),
    _rule("terraform_token", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,70}"),
    _rule("pulumi_token", r"pul-[a-f0-9]{40}"),
    _rule("age_key", r"AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    _rule("azure_storage_key", r"AccountKey=[A-Za-z0-9+/]{86}=="),
    _rule("keeptrusts_key", r"kt_(?:key|gw)_[a-z0-9]{8,40}_[A-Za-z0-9_-]{20,64}"),
    _rule("jwt", r"eyJ[A-Za-z0-9_-]{10,90}\.(?:eyJ[A-Za-z0-9_-]{0,40})?"),
    _rule("private_key", r"-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----"),
    Rule(
        "password",
        r"[^\s\"'`,;:@<>{}()\[\]]{6,48}",
        label=r"(?:password|passwd|pwd|passphrase|api[_-]?key|apikey|secret(?:[_-]?key)?|access[_-]?token|auth[_-]?token"
        r"|client[_-]?secret|private[_-]?key)[\"']?[ \t]{0,2}(?:=|:|=>|:=)[ \t]{0,2}[\"'`]?",
        before=ALNUM,
        after=frozenset(),
        check=assigned,
        caseless=True,
        sieve=r"(?:password|passwd|pwd|passphrase|key|secret|token)[\"']?[ \t]{0,2}[=:]",
        back=24,
        confidence=0.7,
    ),
    Rule(
        "connection_string",
        r"[a-z][a-z0-9+]{1,15}://[^\s:@/\"'<>]{1,24}:[^\s:@/\"'<>]{3,48}@",
        after=frozenset(),
        check=real,
        caseless=True,
        sieve=r"://[^\s:@/\"'<>]{1,24}:",
        back=48,
    ),
)

_ENTROPY: Final = (
    Rule(
        "high_entropy",
        rf"{INSIDE}{{{WINDOW}}}",
        before=frozenset(),
        after=frozenset(),
        sieve=rf"(?:^|{OUTSIDE}){INSIDE}{{{WINDOW}}}",
        confidence=0.6,
        finder=random_windows,
    ),
)


@cache
def secret_rules(*, entropy: bool) -> RuleSet:
    """The rules, with or without those that judge by randomness."""
    return RuleSet(_FORMATS + _ENTROPY if entropy else _FORMATS)


def find_secrets(text: str, *, entropy: bool = True, limited: bool = False) -> list[Hit]:
    """Credentials; see `RuleSet.find`."""
    return secret_rules(entropy=entropy).find(view(text), limited=limited)
