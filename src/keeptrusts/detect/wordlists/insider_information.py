"""Phrases that mark material information which is not public (17 CFR 240.10b-5 and the law of insider trading)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MNPI: Final[Mapping[str, tuple[str, ...]]] = {
    "marking": (
        *("material nonpublic information", "material non public information", "mnpi", "price sensitive information"),
        *("inside information", "insider information", "not yet public", "not for public release", "restricted list"),
        *("embargoed until", "under embargo until", "wall crossed", "over the wall", "strictly embargoed"),
    ),
    "earnings": (
        *("unreleased earnings", "unannounced earnings", "earnings before the announcement", "pre release earnings"),
        *(
            "preliminary earnings results",
            "draft earnings release",
            "ahead of the earnings release",
            "unpublished guidance",
        ),
        *("unpublished revenue", "will miss earnings", "will beat earnings", "profit warning not yet announced"),
        *("draft 10 q", "draft 10 k", "draft 8 k", "unaudited results not released", "restatement not yet disclosed"),
    ),
    "deals": (
        *("unannounced merger", "unannounced acquisition", "pending acquisition not public", "confidential merger"),
        *("secret takeover", "undisclosed takeover", "unannounced tender offer", "merger has not been announced"),
        *("acquisition has not been announced", "before the merger is announced", "before the deal is announced"),
        *("undisclosed bidder", "unannounced divestiture", "undisclosed buyout", "unannounced stock split"),
    ),
    "events": (
        *("undisclosed data breach", "undisclosed investigation", "unannounced layoffs", "unannounced ceo departure"),
        *(
            "undisclosed settlement",
            "unpublished trial results",
            "unannounced fda decision",
            "not yet disclosed to investors",
        ),
        *("undisclosed bankruptcy", "unannounced bankruptcy", "unannounced product recall"),
    ),
    "trading": (
        *("insider tip", "trade on inside information", "trade ahead of the news", "buy before the announcement"),
        *("sell before the announcement", "before the news breaks", "tip from an insider", "front run the order"),
        *("trading blackout period", "during the quiet period"),
    ),
}
