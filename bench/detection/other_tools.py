"""
Run by an interpreter that has Presidio and detect-secrets: JSON strings in, lists of spans out.

Presidio is asked for its patterns alone, without the language model that finds names.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SURE = 0.4
"""Score from which a finding of Presidio counts: patterns that it calls weak or very weak lie below."""


def main() -> None:
    texts = [json.loads(line) for line in sys.stdin]
    for spans in {"presidio": presidio, "detect-secrets": detect_secrets}[sys.argv[1]](texts):
        print(json.dumps(spans))


def presidio(texts: Sequence[str]) -> list[list[Any]]:
    import tldextract

    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())  # the list that comes with it, not the net's
    from presidio_analyzer import RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpArtifacts
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer

    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    finders = [one for one in registry.recognizers if not isinstance(one, SpacyRecognizer)]
    nothing = NlpArtifacts([], None, [], [], None, "en")
    found = (
        [hit for one in finders for hit in one.analyze(text, one.supported_entities, nothing) or []] for text in texts
    )
    return [[(hit.start, hit.end, hit.entity_type) for hit in hits if hit.score >= SURE] for hits in found]


def detect_secrets(texts: Sequence[str]) -> list[list[Any]]:
    """It scans files: all texts are the lines of one."""
    from detect_secrets.core.scan import scan_file
    from detect_secrets.settings import default_settings

    lines = [(number, line) for number, text in enumerate(texts) for line in text.splitlines()]
    spans: list[list[Any]] = [[] for _ in texts]
    with tempfile.TemporaryDirectory() as folder, default_settings():
        path = Path(folder, "lines.txt")
        path.write_text("".join(line + "\n" for _, line in lines), encoding="utf-8")
        for secret in scan_file(str(path)):
            spans[lines[secret.line_number - 1][0]].append((0, 0, secret.type))
    return spans


if __name__ == "__main__":
    main()
