// A text area for documents: numbered lines, and a Tab that indents without trapping anybody.

import { fill, h } from '../../dom.js';

const INDENT = '  ';
const HINT = 'Tab indents, Shift and Tab take an indent away. To leave with Tab, press Escape first.';

/** `element`; `text()`; `write(text)`; `jump(line, column)`; `mark(lines)`. `changed()` is called at each change. */
export function editor(start, changed) {
  const gutter = h('div', { class: 'gutter', 'aria-hidden': 'true' });
  const area = h('textarea', {
    id: 'document', class: 'code', wrap: 'off', value: start, spellcheck: 'false', autocapitalize: 'off',
    autocomplete: 'off', 'aria-describedby': 'document-hint',
  });
  let [marked, drawn] = [new Set(), ''];
  const number = () => {
    const count = area.value.split('\n').length;
    const wanted = `${count} ${[...marked]}`;
    // most keys change no number, and a document may have thousands
    if (wanted !== drawn) fill(gutter, Array.from({ length: count }, (_, index) =>
      h('span', { class: marked.has(index + 1) ? 'marked' : null }, String(index + 1))));
    drawn = wanted;
    gutter.scrollTop = area.scrollTop;
  };
  area.addEventListener('input', () => { number(); changed(); });
  area.addEventListener('scroll', () => { gutter.scrollTop = area.scrollTop; });
  indenting(area);
  number();
  return {
    element: h('div', { class: 'field' },
      h('label', { for: 'document' }, 'Document'),
      h('div', { class: 'editor' }, gutter, area),
      h('p', { class: 'hint', id: 'document-hint' }, HINT)),
    text: () => area.value,
    write: (text) => { area.value = text; number(); changed(); },
    jump: (line, column) => jump(area, line, column),
    mark: (lines) => { marked = new Set(lines); number(); },
  };
}

/** Tab, Shift+Tab and Enter; after Escape the next Tab leaves. */
function indenting(area) {
  let leaves = false;
  area.addEventListener('blur', () => { leaves = false; });
  area.addEventListener('keydown', (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Tab' && !leaves) {
      event.preventDefault();
      if (event.shiftKey) outdent(area);
      else indent(area);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      insert(area, `\n${/^ */.exec(area.value.slice(lineStart(area, area.selectionStart), area.selectionStart))[0]}`);
    }
    if (event.key !== 'Shift') leaves = event.key === 'Escape';
  });
}

const lineStart = (area, offset) => area.value.lastIndexOf('\n', offset - 1) + 1;

/** In the place of the selection, in a way that can be undone. */
function insert(area, text) {
  // there is no other way that keeps what the browser knows for "undo"
  const done = text ? document.execCommand('insertText', false, text) : document.execCommand('delete');
  if (done) return;
  area.setRangeText(text, area.selectionStart, area.selectionEnd, 'end');
  area.dispatchEvent(new Event('input'));
}

function indent(area) {
  if (area.value.slice(area.selectionStart, area.selectionEnd).includes('\n')) {
    rewrite(area, (line) => (line ? INDENT + line : line));
  } else {
    insert(area, INDENT);
  }
}

const outdent = (area) => rewrite(area, (line) => line.replace(/^ {1,2}|^\t/, ''));

/** Each line of the selection anew; they stay selected. */
function rewrite(area, change) {
  const start = lineStart(area, area.selectionStart);
  const after = area.value.indexOf('\n', Math.max(area.selectionStart, area.selectionEnd - 1));
  const end = after < 0 ? area.value.length : after;
  const [caret, several] = [area.selectionEnd, area.value.slice(area.selectionStart, area.selectionEnd).includes('\n')];
  const before = area.value.slice(start, end);
  const text = before.split('\n').map(change).join('\n');
  if (text === before) return;
  area.setSelectionRange(start, end);
  insert(area, text);
  if (several) area.setSelectionRange(start, start + text.length);
  else area.setSelectionRange(...Array(2).fill(Math.max(start, caret + text.length - before.length)));
}

/** Select a line from `column` on, and show it. */
function jump(area, line, column = 1) {
  const lines = area.value.split('\n');
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  const end = start + (lines[line - 1] ?? '').length;
  area.focus();
  area.setSelectionRange(Math.min(start + column - 1, end), end);
  area.scrollTop = Math.max(0, line - 4) * parseFloat(getComputedStyle(area).lineHeight);
}
