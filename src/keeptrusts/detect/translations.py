"""Orders to forget the instructions, in other languages than English; see `detect.phrases`."""

from __future__ import annotations

from typing import Final

TRANSLATED: Final[tuple[tuple[str, float, str], ...]] = (
    (
        "override",
        0.9,
        (
            r"(?:ignora|olvida|descarta|omite)r?_(?:\w{1,12}_){0,4}(?:instrucciones|indicaciones|reglas"
            r"|ordenes|anteriores)"
        ),
    ),
    (
        "override",
        0.9,
        (
            r"(?:ignore[zr]?|oublie[zr]?|neglige[zr]?)_(?:\w{1,12}_){0,4}(?:instructions|consignes"
            r"|directives|regles|precedente?s)"
        ),
    ),
    (
        "override",
        0.9,
        (
            r"(?:ignorier|vergiss|vergess|missacht|vernachlassig)\w{0,5}_(?:\w{1,15}_){0,4}(?:anweisung"
            r"|aufgabe|instruktion|regel|vorherigen?_(?:text|information|inhalt|eingabe|satz)|bisherig|vorgabe|befehl|obig|aussage)\w{0,5}"
        ),
    ),
    ("override", 0.85, r"(?:vergiss|vergessen_sie)_(?:\w{1,12}_){0,2}(?:alles|alle)"),
    (
        "override",
        0.9,
        (
            r"(?:ignora|dimentica|trascura)(?:re|te)?_(?:\w{1,12}_){0,4}(?:istruzioni|indicazioni|regole"
            r"|precedenti|comandi)"
        ),
    ),
    (
        "override",
        0.9,
        (
            r"(?:ignor[ea]|esque[cç]a|desconsidere)r?_(?:\w{1,12}_){0,4}(?:instrucoes|regras|anteriores"
            r"|ordens|comandos)"
        ),
    ),
    ("override", 0.9, r"(?:onceki|yukaridaki)_(?:\w{1,12}_){0,3}(?:talimat|komut|yonerge)\w{0,8}"),
    ("override", 0.9, r"abaikan_(?:\w{1,12}_){0,4}(?:instruksi|perintah|petunjuk|aturan)"),
    ("override", 0.9, r"bo_qua_(?:\w{1,12}_){0,4}(?:huong_dan|chi_dan|lenh|chi_thi)"),
    ("override", 0.9, r"(?:忽略|无视|無視|忘记|忘掉|不要理会)[^。\n]{0,12}(?:指令|指示|规则|规定|提示|命令|内容|要求)"),
    ("override", 0.9, r"(?:以前|前|上記|これまで)の?[^。\n]{0,8}(?:指示|命令|ルール)[^。\n]{0,6}(?:無視|忘れ)"),
    ("override", 0.9, r"(?:이전|위의|앞의)[^.\n]{0,10}(?:지시|명령|지침)[^.\n]{0,8}(?:무시|잊)"),
)
