"""Markers by which communications with counsel and their work are told, in the United States and elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PRIVILEGE: Final[Mapping[str, tuple[str, ...]]] = {
    "attorney_client": (
        *(
            "attorney client privilege",
            "attorney client privileged",
            "attorney client communication",
            "lawyer client privilege",
        ),
        *(
            "solicitor client privilege",
            "legal advice privilege",
            "legal professional privilege",
            "privileged communication",
        ),
        *(
            "confidential attorney communication",
            "attorney client confidential",
            "protected by privilege",
            "counsel eyes only",
        ),
        *("attorneys eyes only", "outside counsel only", "advice of counsel", "privileged legal advice"),
    ),
    "work_product": (
        *("attorney work product", "work product doctrine", "work product privilege", "lawyer work product"),
        *(
            "prepared in anticipation of litigation",
            "in anticipation of litigation",
            "prepared at the direction of counsel",
        ),
        *("prepared at the request of counsel", "mental impressions of counsel", "opinion work product"),
    ),
    "litigation": (
        *("litigation privilege", "common interest privilege", "common interest agreement", "joint defense privilege"),
        *(
            "joint defense agreement",
            "settlement communication privilege",
            "mediation privilege",
            "litigation hold notice",
        ),
        *("subject to a protective order", "filed under seal"),
    ),
    "marking": (
        *(
            "privileged and confidential",
            "privileged confidential",
            "confidential and privileged",
            "legally privileged",
        ),
        *("subject to legal privilege", "privilege log", "privileged material", "clawback of privileged"),
    ),
}
