// What a record keeps of texts, as `audit-logger` has it.

import { h } from '../../dom.js';
import { facts } from '../../ui.js';

const SIDES = [['request', 'Request'], ['answer', 'Answer']];

export function content({ content: kept, content_digest: digest }) {
  const proven = digest ? facts([['Digest of the content', h('code', {}, digest)]]) : null;
  if (!kept) return [h('p', { class: 'quiet' }, missing(digest)), proven];
  const taken = h('p', { class: 'quiet' }, 'As recorded: where something was taken out, its kind stands in brackets.');
  return [taken, SIDES.map(([name, words]) => side(words, kept[name])), proven];
}

const missing = (digest) =>
  digest ? 'Its texts are not kept: only their digest was recorded, or they were erased.'
    : 'The record has no texts of the request. What is recorded is a setting of audit-logger.';

function side(words, texts) {
  if (!Array.isArray(texts) || !texts.length) return null;
  return [h('h3', {}, words), texts.map((one) => h('figure', { class: 'said' },
    one.role || one.part ? h('figcaption', {}, [one.role, one.part].filter(Boolean).join(', ')) : null,
    h('pre', { tabindex: 0 }, typeof one === 'string' ? one : one.text ?? JSON.stringify(one, null, 2))))];
}
