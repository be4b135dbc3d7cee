"""
Words for groups of people by the characteristic that protects them, and what is unfairly said of them.

The characteristics are those of federal law in the United States (titles VII and VIII of the Civil Rights Acts, ADEA,
ADA, USERRA) and of article 21 of the Charter of Fundamental Rights of the European Union.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

GROUPS: Final[Mapping[str, str]] = {
    "sex": (r"women|woman|females?|girls|ladies|men|males|boys|mothers|fathers|moms|housewives"),
    "gender_identity": (
        r"trans(?:gender)?(?: (?:people|women|men|persons?|kids))?|transsexuals|non-?binary people"
        r"|transvestites"
    ),
    "sexual_orientation": (
        r"gays|gay (?:people|men|couples)|lesbians|homosexuals|bisexuals|queer people|lgbtq? people"
    ),
    "race": (
        r"black(?: people|s| men| women| applicants)?|white (?:people|men|women)|whites|african[- ]americans"
        r"|asians|asian (?:people|men|women|drivers)|people of colou?r|colou?red people|minorities"
    ),
    "ethnicity": (
        r"latin(?:os?|as?|x)(?: people)?|hispanics?|hispanic people|arabs|arab people|roma(?: people)?|gypsies"
        r"|indigenous people|native americans|aboriginals"
    ),
    "national_origin": (
        r"immigrants|migrants|foreigners|refugees|asylum seekers|mexicans|chinese(?: people)?|indians"
        r"|nigerians|russians|pakistanis|poles|turks|iranians|syrians|haitians|germans|italians"
        r"|irish(?: people)?"
    ),
    "religion": (
        r"muslims|jews|jewish people|christians|catholics|hindus|sikhs|buddhists|atheists|mormons|evangelicals"
    ),
    "age": (
        r"old(?:er)? (?:people|workers|employees|applicants|candidates|women|men)|elderly(?: people)?|seniors"
        r"|boomers|millennials|young(?:er)? (?:people|workers|employees|women)"
        r"|people over (?:40|45|50|55|60|65)"
    ),
    "disability": (
        r"disabled (?:people|workers|applicants)|people with disabilities|the disabled"
        r"|autistic (?:people|children)|autistics|deaf people|blind people|wheelchair users"
        r"|people with mental illness|mentally ill people"
    ),
    "pregnancy": (
        r"pregnant (?:women|employees|workers|applicants|candidates)|expectant mothers"
        r"|women of childbearing age"
    ),
    "marital_status": (
        r"single (?:mothers|moms|fathers|parents|women)|unmarried (?:women|couples|mothers)"
        r"|divorced (?:women|men|people)"
    ),
    "veteran_status": (r"veterans|military veterans|ex-?soldiers"),
    "socioeconomic_status": (r"poor people|homeless people|the homeless|people on welfare|working[- ]class people"),
}
"""Characteristic to a pattern of its groups, in lower case and the plural: one person is no group."""

STATES: Final[Mapping[str, str]] = {
    "sex": (r"a woman|female|a man|male|a mother"),
    "gender_identity": (r"trans|transgender|non-?binary"),
    "sexual_orientation": (r"gay|lesbian|homosexual|bisexual|queer"),
    "race": (r"black|asian|african[- ]american|of colou?r"),
    "ethnicity": (r"latin[oa]|hispanic|arab|roma|indigenous"),
    "national_origin": (r"an immigrant|a foreigner|a refugee|foreign|mexican|chinese|indian|nigerian|not from here"),
    "religion": (r"muslim|jewish|catholic|hindu|sikh|an atheist"),
    "age": (r"(?:too )?old|elderly|too young|over (?:40|45|50|55|60)|close to retirement"),
    "disability": (r"disabled|autistic|deaf|blind|in a wheelchair|mentally ill|bipolar"),
    "pregnancy": (r"pregnant|expecting|on maternity leave"),
    "marital_status": (r"single|unmarried|divorced|a single (?:mother|parent)"),
    "veteran_status": (r"a veteran|an ex-?soldier"),
    "socioeconomic_status": (r"poor|homeless|on welfare"),
}
"""The same of one person, as a reason is put: `because she is pregnant`."""

SLURS: Final = (
    r"lazy|stupid|dumb|inferior|violent|dangerous|dirty|filthy|dishonest|criminals?|thieves|rapists"
    r"|terrorists?|extremists|greedy|cheap|hysterical|irrational|weak(?:er)?|incompetent|incapable"
    r"|unreliable|untrustworthy|unfit|subhuman|savages?|primitive|uncivili[sz]ed|uneducated|useless"
    r"|worthless|parasites|vermin|animals|a burden|burdens|a threat|drunks|liars|predators|perverts|sinful"
    r"|immoral|disgusting|mentally ill|bad (?:drivers|parents|leaders|workers|employees)"
    r"|too (?:emotional|slow|expensive|sensitive|aggressive|stubborn|old|weak)"
    r"|not (?:smart|intelligent|trustworthy|capable)"
)
"""What no group is."""

REFUSALS: Final = (
    r"hire|employ|promote|interview|recruit|admit|accept|rent to|sell to|lend to|insure|serve|trust|date"
    r"|befriend|hiring|employing|promoting|recruiting|renting to|lending to"
)
REFUSED: Final = (
    r"hired|employed|promoted|interviewed|recruited|admitted|trusted|insured|allowed|permitted"
    r"|paid (?:less|the same)|deported|imprisoned|locked up|sterili[sz]ed|given (?:loans|jobs|rights)"
)

DOUBTS: Final = (
    r"\b(?:stereotypes?|stereotypical|myths?|misconceptions?|false|untrue|wrong|incorrect|harmful|prejudices?|bias(?:ed)?"
    r"|discriminat(?:e|es|ory|ion|ing)|illegal|unlawful|racist|sexist|ageist|bigot(?:ed|ry)?|offensive"
    r"|no evidence|not true"
    r"|not all|unfair(?:ly)?|inaccurate|debunked|hateful)\b"
)
"""What speaks against the sentence being meant."""
