"""Pages that a request links to, fetched so that the other kinds can judge them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar, Final, Literal

from keeptrusts.core.exchange import Exchange, Part, Phase, Role, Text
from keeptrusts.core.verdict import PASSED, Allow, Block, Verdict
from keeptrusts.policy.asking import Answer, Ask, Question, UnusableAnswerError, body_of
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.links import Link, addresses_of, host_rule, is_allowed, links_in, page_texts, read_link
from keeptrusts.policy.schema import Attr

MOST_LINKS: Final = 8
CODE: Final = "content_extractor.error"


@dataclass(frozen=True)
class ContentExtractor(Policy):
    """
    Fetch the pages that a request links to, so that the kinds after this one judge them too.

    Put it before the kinds that are to see the pages: `prompt-injection` then finds instructions that wait in a page
    for a model that browses. What is fetched is judged and forgotten: it goes to no provider and into no record. A
    redaction in it changes nothing, since nobody is sent it; it is recorded as a finding.

    Only hosts of `allow_hosts` are asked, by GET, without cookies and credentials, through no proxy, and redirects are
    not followed. A name is dialled only when all its addresses belong to the internet; an address of your own network
    must stand in the list itself, as in `10.0.0.7:8080`. Links to other hosts are left alone. Text, HTML, JSON, XML and
    YAML can be read.

    A page that is not there, is late, too large or not text, and the ninth link of a request, cannot be judged: with
    `warn` the request passes and the record says `degraded`, with `block` it is refused.
    """

    kind: ClassVar[str] = "content-extractor"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT})
    example: ClassVar[str] = """
        allow_hosts: [docs.example.com, "*.wiki.example.com"]
        action_on_error: block
    """

    allow_hosts: Annotated[
        tuple[Annotated[str, Attr(minimum=1, maximum=253, check=host_rule)], ...],
        Attr(
            "Hosts whose pages are fetched: exactly, or `*.` and what they end in; with `:port` for another port.",
            stronger="unclear",
        ),
    ] = ()
    timeout_ms: Annotated[int, Attr("How long to wait for a page.", minimum=1, maximum=60_000, stronger="neutral")] = (
        2000
    )
    max_bytes: Annotated[
        int, Attr("Largest page that is read.", minimum=1, maximum=1024 * 1024, stronger="unclear")
    ] = 65_536
    fetch_urls: Annotated[bool, Attr("False: nothing is fetched.", stronger="on")] = True
    action_on_error: Annotated[
        Literal["warn", "block"],
        Attr("Let pass and say so, or refuse, when a page cannot be judged.", stronger=("warn", "block")),
    ] = "warn"

    def judge(self, exchange: Exchange) -> Verdict | Ask:
        links = list(self._links(exchange)) if self.fetch_urls and self.allow_hosts else []
        if not links:
            return Allow()
        questions = tuple(self._question(link) for link in links[:MOST_LINKS])
        return Ask(questions, partial(self._conclude, len(links) > MOST_LINKS))

    def _links(self, exchange: Exchange) -> Iterator[Link]:
        seen: set[str] = set()
        for said in _said_links(exchange):
            link = read_link(said)
            if link is not None and link.url not in seen and is_allowed(link, self.allow_hosts):
                seen.add(link.url)
                yield link

    def _question(self, link: Link) -> Question:
        return Question(
            url=link.url,
            method="GET",
            timeout_ms=self.timeout_ms,
            max_bytes=self.max_bytes,
            public=True,
            named=addresses_of(self.allow_hosts),
        )

    def _conclude(self, incomplete: bool, answers: tuple[Answer, ...]) -> Verdict:
        found: list[Text] = []
        for index, answer in enumerate(answers):
            texts = _read(answer)
            incomplete = incomplete or texts is None
            found += (
                Text(("#fetched", index, at), text, Role.USER, Part.DOCUMENT) for at, text in enumerate(texts or ())
            )
        if incomplete and self.action_on_error == "block":
            return Block(CODE, "a page that the request links to cannot be judged")
        return Allow(found=tuple(found), degraded=incomplete, code=CODE if incomplete else PASSED)


def _said_links(exchange: Exchange) -> Iterator[str]:
    from keeptrusts.detect.fold import readable

    for text in exchange.texts:
        for view in dict.fromkeys((text.value, readable(text.value))):
            yield from links_in(view)


def _read(answer: Answer) -> tuple[str, ...] | None:
    try:
        return page_texts(body_of(answer), answer.media_type)
    except UnusableAnswerError:
        return None
