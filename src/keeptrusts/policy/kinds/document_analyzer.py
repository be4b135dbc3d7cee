"""Attached documents: which types, how large, and without what would run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from keeptrusts.core.exchange import Document, Exchange, Part, Phase
from keeptrusts.core.verdict import Allow, Block, Edit, Redact, Verdict
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.names import matches_any
from keeptrusts.policy.redaction import LABELS, edits_for, matches_in
from keeptrusts.policy.schema import Attr, Fault

_MAGIC: Final = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"\x1f\x8b", "application/gzip"),
    (b"\x7fELF", "application/x-executable"),
    (b"MZ", "application/x-msdownload"),
)
"""How files begin, and what they are then."""
_CONTAINERS: Final = {
    "application/zip": ("application/vnd.openxmlformats-officedocument.*", "application/vnd.oasis.opendocument.*"),
    "application/x-ole-storage": ("application/msword", "application/vnd.ms-*"),
}
"""What else may begin so."""
_CHECKED: Final = frozenset(kind for _, kind in _MAGIC)


@dataclass(frozen=True)
class DocumentAnalyzer(Policy):
    """
    Let documents pass with a request, by type and size; without this kind a request that attaches one is refused.

    Documents are the files, pictures and sound that stand in a request as data, in each API format. The text of one
    that is text (`text/*`, JSON, XML, YAML and the like, in UTF-8) is judged by every kind of the chain, and redacted
    in its place. Of others nobody reads the content: they pass only when `allowed_mime_types` names their type, and
    the record says `document_analyzer.unread`. References to documents elsewhere are refused, and so are documents
    that begin like another type than they claim.
    """

    kind: ClassVar[str] = "document-analyzer"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT})
    example: ClassVar[str] = """
        allowed_mime_types: ["text/*", application/pdf, "image/*"]
        max_document_bytes: 1048576
        sanitize_code: true
    """

    enabled: Annotated[bool, Attr("Off, no document passes.", stronger="off")] = True
    sanitize_code: Annotated[
        bool,
        Attr("Redact what would run: scripts, event handlers, embedded objects, macros and formulas.", stronger="on"),
    ] = False
    max_document_bytes: Annotated[int, Attr("Largest document, in bytes.", minimum=1, stronger="lower")] = 524_288
    allowed_mime_types: Annotated[
        tuple[Annotated[str, Attr(minimum=3, maximum=200)], ...],
        Attr("Types, exactly or as globs (`image/*`); empty means those whose text is read.", stronger="unclear"),
    ] = ()

    def faults(self) -> Iterable[Fault]:
        for index, name in enumerate(self.allowed_mime_types):
            family, slash, rest = name.partition("/")
            if not (slash and family and rest) or name != name.lower() or any(letter in " ;," for letter in name):
                message = f"`{name[:60]}` is not a media type in lower case"
                yield Fault("E003", ("allowed_mime_types", index), message, "write it like `application/pdf`")

    def reads_documents(self) -> bool:
        return self.enabled

    def changes_texts(self) -> bool:
        return self.sanitize_code

    def judge(self, exchange: Exchange) -> Verdict:
        if not self.enabled:
            return Allow()
        read = {text.place[:-1] for text in exchange.texts if text.part is Part.DOCUMENT}
        for document in exchange.documents:
            refusal = self._refusal(document, is_read=document.place in read)
            if refusal is not None:
                return refusal
        if self.sanitize_code and (edits := _active_content(exchange)):
            return Redact(f"document_analyzer.{edits[0].category}", edits)
        unread = any(document.place not in read for document in exchange.documents)
        return Allow(code="document_analyzer.unread") if unread else Allow()

    def _refusal(self, document: Document, *, is_read: bool) -> Block | None:
        if document.unreadable:
            return Block("document_analyzer.unreadable", "a document is a reference, or cannot be decoded")
        if len(document.data) > self.max_document_bytes:
            message = f"a document has {len(document.data)} bytes; the most is {self.max_document_bytes}"
            return Block("document_analyzer.too_large", message)
        allowed = matches_any(document.mime_type, self.allowed_mime_types) if self.allowed_mime_types else is_read
        if not allowed:
            return Block("document_analyzer.type", "a document is of a type that is not allowed")
        if not _is_what_it_claims(document):
            return Block("document_analyzer.mismatch", "a document is of another type than it claims")
        return None


def _is_what_it_claims(document: Document) -> bool:
    found = next((kind for magic, kind in _MAGIC if document.data.startswith(magic)), None)
    claimed = document.mime_type
    if found is None:
        return claimed not in _CHECKED
    return claimed == found or matches_any(claimed, _CONTAINERS.get(found, ()))


def _active_content(exchange: Exchange) -> tuple[Edit, ...]:
    from keeptrusts.detect.active_content import find_active_content

    documents = (text for text in exchange.texts if text.part is Part.DOCUMENT)
    return edits_for(matches_in(documents, find_active_content), LABELS)
