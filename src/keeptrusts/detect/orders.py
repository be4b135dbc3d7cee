"""Further ways to turn a model away from its instructions or to have it give something away; see `detect.phrases`."""

from __future__ import annotations

from typing import Final

_HIDDEN = r"(?:password|passphrase|passcode|secret_key|secret_code|access_code|access_key|api_key|credentials)"

ORDERS: Final[tuple[tuple[str, float, str], ...]] = (
    ("override", 0.85, r"drop_(?:all_)?(?:of_)?your_(?:\w{1,12}_)?(?:instructions|rules|guidelines|restrictions)"),
    ("override", 0.8, r"(?:ignore|forget|disregard)_everything_(?:and_|else_|now_|just_){1,3}"),
    (
        "override",
        0.76,
        r"(?:that_is|that's|this_is)_(?:enough|done|all|it)[^\n]{1,30}now_(?:please_)?(?:help|write|answer|state|say|tell)",
    ),
    ("override", 0.77, r"it_?(?:'s|is)_opposite_day"),
    ("override", 0.76, r"do_(?:whatever|anything|everything)_(?:i|the_user)_(?:say|ask|want|tell)"),
    (
        "override",
        0.8,
        (
            r"(?:lassen?_sie|lass|streichen?|vergessen?|ignorieren?)_(?:\w{1,15}_){0,3}"
            r"(?:vorherig|bisherig|vorangegangen|vorangehend|obig)\w{1,3}_(?:information|aufgabe|anweisung|instruktion)\w{0,3}"
        ),
    ),
    (
        "override",
        0.78,
        r"alle_(?:vorherig|bisherig|vorangegangen|obig)\w{1,3}_(?:information|aufgabe|anweisung|instruktion)\w{0,3}",
    ),
    ("override", 0.8, r"abweichend_(?:zu|von)_(?:den_)?(?:vorherig|bisherig|obig)\w{1,3}"),
    (
        "override",
        0.76,
        r"(?:nun|jetzt)_(?:folgen|kommen|folgt|kommt|bitten_wir)_[^.\n]{0,40}(?:neu|weiter)\w{1,3}_(?:anweisung|aufgabe|instruktion)\w{0,3}",
    ),
    (
        "prompt_leak",
        0.77,
        (
            rf"(?:tell|give|show|share|reveal|provide|confirm|send|whisper|spell)_(?:me_|us_)?(?:out_)?"
            rf"(?:your|the_system|the_admin|the_administrator|the_secret)(?:'?s)?_(?:\w{{1,8}}_){{0,2}}{_HIDDEN}"
        ),
    ),
    (
        "prompt_leak",
        0.76,
        rf"(?:reveal|disclose|leak|spell|whisper)_(?:out_)?(?:the|your)_(?:\w{{1,10}}_){{0,2}}{_HIDDEN}",
    ),
    (
        "prompt_leak",
        0.76,
        rf"what_?(?:is|are|was|were|'s)_(?:your|the_system|our_system|the_admin)(?:'?s)?_(?:\w{{1,8}}_)?{_HIDDEN}",
    ),
    ("authority", 0.77, r"<_?(?:system|admin|developer|debug)_mode_?>"),
    ("persona", 0.77, r"mode_(?:output|responses?)_(?:should|must|will|shall|is|are)"),
    ("override", 0.9, r"(?:игнорируй|забудь|проигнорируй)[^.\n]{0,30}(?:инструкц|указани|правил|команд)"),
    ("override", 0.9, r"(?:निर्देश|आदेश)[^।\n]{0,24}(?:अनदेखा|अनदेखी|नज़रअंदाज़|भूल)"),
    ("override", 0.9, r"(?:تجاهل|انس)[^.\n]{0,24}(?:التعليمات|الأوامر|القواعد|تعليمات)"),
    ("override", 0.9, r"(?:zignoruj|zapomnij)_[^.\n]{0,30}(?:instrukcj|polece|zasad)"),
    ("override", 0.9, r"(?:negeer|vergeet)_[^.\n]{0,30}(?:instructies|regels|opdrachten)"),
    ("override", 0.9, r"নির্দেশ[^।\n]{0,24}(?:উপেক্ষা|ভুলে)"),
    ("override", 0.9, r"(?:เพิกเฉย|ไม่ต้องสนใจ|ลืม)[^\n]{0,24}(?:คำสั่ง|คำแนะนำ)"),
    ("override", 0.9, r"(?:huwag_pansinin|kalimutan)_[^.\n]{0,30}(?:tagubilin|utos)"),
)
"""Category, weight, pattern."""
