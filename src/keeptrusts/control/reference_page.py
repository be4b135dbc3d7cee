"""
`/docs`: the OpenAPI document as one page, for people.

It is plain HTML without a script, asks nobody else for anything, and reads well in a browser without styles.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from html import escape
from itertools import groupby
from typing import Any, Final

STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font-family:ui-monospace,monospace}h3{margin-top:2.5rem}h3 code{font-size:1.05rem}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;"
    "border-bottom:1px solid color-mix(in srgb,currentColor 20%,transparent)}nav ul{columns:2;padding-left:1.2rem}"
)
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)
_INTRODUCTION: Final = """\
<p>Send <code>Authorization: Bearer kt_...</code>. Every error is a <a href="#schema-Problem">problem</a> (RFC 9457);
its <code>code</code> is stable. Lists are <code>{data, next_cursor, has_more}</code>: hand <code>next_cursor</code>
back as <code>cursor</code>. A POST with an <code>Idempotency-Key</code> gives the same answer for 24 hours. The
<code>ETag</code> that one object is read with goes back as <code>If-Match</code> with a change. The same for programs:
<a href="/openapi.json">openapi.json</a>.</p>"""
_PAGE: Final = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>{style}</style></head><body><main>
{body}
</main></body></html>
"""


def reference_page(document: Mapping[str, Any]) -> str:
    """The whole page."""
    title = f"{escape(document['info']['title'])} {escape(document['info']['version'])}"
    operations = [
        (operation["tags"][0], method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]
    operations.sort(key=lambda one: one[0])
    groups = [(tag, list(found)) for tag, found in groupby(operations, key=lambda one: one[0])]
    body = [
        f"<h1>{title}</h1>",
        _INTRODUCTION,
        "<nav><ul>",
        *(f'<li><a href="#{escape(tag)}">{escape(tag)}</a></li>' for tag, _ in groups),
        '<li><a href="#schemas">schemas</a></li></ul></nav>',
        *(line for tag, found in groups for line in _group(tag, found)),
        '<h2 id="schemas">schemas</h2>',
        *(line for name, schema in sorted(document["components"]["schemas"].items()) for line in _schema(name, schema)),
    ]
    return _PAGE.format(title=title, style=STYLE, body="\n".join(body))


def _group(tag: str, found: list[tuple[str, str, str, dict[str, Any]]]) -> Iterator[str]:
    yield f'<h2 id="{escape(tag)}">{escape(tag)}</h2>'
    for _, method, path, operation in found:
        yield f'<h3 id="{escape(operation["operationId"])}"><code>{method} {escape(path)}</code></h3>'
        yield from (f"<p>{_prose(text)}</p>" for text in operation.get("description", "").split("\n\n") if text)
        if "security" not in operation:
            yield "<p>No key is needed.</p>"
        yield from _parameters(operation.get("parameters", []))
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            yield f"<p>Body: <code>{escape(media)}</code>, {_type(content.get('schema', {}))}</p>"
        yield "<ul>"
        yield from (_answer(status, told) for status, told in operation["responses"].items() if status != "default")
        yield "</ul>"


def _parameters(parameters: list[dict[str, Any]]) -> Iterator[str]:
    if not parameters:
        return
    yield "<table><thead><tr><th>parameter</th><th>in</th><th>type</th><th></th></tr></thead><tbody>"
    for one in parameters:
        needed = "required" if one.get("required") else ""
        cells = (f"<code>{escape(one['name'])}</code>", escape(one["in"]), _type(one.get("schema", {})), needed)
        yield _row(cells)
    yield "</tbody></table>"


def _answer(status: str, told: Mapping[str, Any]) -> str:
    kinds = [_type(content["schema"]) for content in told.get("content", {}).values() if content.get("schema")]
    return f"<li><code>{escape(status)}</code> {', '.join(kinds) or escape(told.get('description', ''))}</li>"


def _schema(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f'<h3 id="schema-{escape(name)}"><code>{escape(name)}</code></h3>'
    if "description" in schema:
        yield f"<p>{_prose(schema['description'])}</p>"
    yield "<table><thead><tr><th>field</th><th>type</th><th></th></tr></thead><tbody>"
    for field, told in schema.get("properties", {}).items():
        needed = "required" if field in schema.get("required", ()) else ""
        yield _row((f"<code>{escape(field)}</code>", _type(told), needed))
    yield "</tbody></table>"


def _row(cells: tuple[str, ...]) -> str:
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _type(schema: Mapping[str, Any]) -> str:
    """In words, with a link where it is one of the page's own."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return " or ".join(_type(one) for one in schema[word])
    if "enum" in schema or "const" in schema:
        return ", ".join(f"<code>{escape(str(one))}</code>" for one in schema.get("enum", [schema.get("const")]))
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    limits = ", ".join(f"{_LIMITS[name]} {schema[name]}" for name in _LIMITS if name in schema)
    return escape(f"{kind} ({limits})" if limits else kind)


_LIMITS: Final = {
    "minLength": "from", "maxLength": "up to", "minimum": "from", "maximum": "up to", "default": "default",
}  # fmt: skip


def _prose(text: str) -> str:
    """Docstrings are written with backticks."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if number % 2 else piece for number, piece in enumerate(pieces))
