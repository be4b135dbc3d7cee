// The difference of two documents, by meaning and by lines.

import { get } from '../../api.js';
import { h } from '../../dom.js';
import { badge, field, table } from '../../ui.js';
import { at, trail } from './words.js';

/** The page that compares two versions. */
export async function difference(id, { query, signal }) {
  const { data } = await get(at(id), {}, signal);
  const to = Number(query.get('to')) || data.version;
  const from = Number(query.get('from')) || Math.max(1, to - 1);
  const { data: found } = await get(at(id, 'diff'), { from, to }, signal);
  return [
    trail(data),
    h('h1', {}, `From version ${from} to version ${to}`),
    comparison(data, from, to),
    h('h2', {}, 'By meaning'),
    meaning(found),
    h('h2', {}, 'By lines'),
    lines(found.text),
  ];
}

/** A form that leads to the page above. */
export function comparison({ id, version }, from, to) {
  const number = (name, value) => h('input', { name, type: 'number', min: 1, max: version, value, required: true });
  const find = (event) => {
    event.preventDefault();
    location.hash = `#/configurations/${id}/diff?${new URLSearchParams(new FormData(event.target))}`;
  };
  return h('form', { class: 'filters narrow', onsubmit: find },
    field('From version', number('from', from)),
    field('To version', number('to', to)),
    h('button', { type: 'submit' }, 'Compare'));
}

/** How many settings are stricter and laxer, in words; null when the meaning cannot be told. */
export function counted({ same, strengthens, weakens, neutral }) {
  if (same === null) return null;
  if (same) return 'It means the same.';
  const parts = [[strengthens, 'strengthens'], [weakens, 'weakens'], [neutral, 'neutral']];
  return `By meaning: ${parts.filter(([count]) => count).map(([count, word]) => `${word} ${count}`).join(', ')}.`;
}

const COLUMNS = [
  ['Setting', (change) => h('code', {}, change.path)],
  ['Effect', (change) => badge(change.effect)],
  ['Change', (change) => [transition(change), change.reason ? h('p', { class: 'hint' }, change.reason) : null]],
];

/** What changed by meaning. */
export function meaning(found) {
  if (found.same === null) {
    return h('p', { class: 'quiet' }, 'One of the two does not lint any more, so that its meaning cannot be told.');
  }
  if (found.same) return h('p', {}, 'Both mean the same: only comments, order of keys or spelling differ, if anything does.');
  return [h('p', {}, counted(found)), table('Changes by meaning', COLUMNS, found.changes, '')];
}

function transition({ change, before, after, secret }) {
  const [was, becomes] = [before, after].map((value) => h('code', {}, secret ? 'secret' : worded(value)));
  if (change === 'added') return ['added: ', becomes];
  if (change === 'removed') return ['removed: ', was];
  return [change === 'reordered' ? 'reordered: ' : null, was, h('span', { 'aria-label': 'becomes' , role: 'img' }, ' → '), becomes];
}

const MOST = 120;

function worded(value) {
  if (value === null) return 'none';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}

const KINDS = { '+': 'added', '-': 'removed', '@': 'place' };

/** A unified difference, coloured; + and - stand before the lines. */
export function lines(text) {
  if (!text) return h('p', { class: 'quiet' }, 'No line differs.');
  const rows = text.split('\n').slice(2);
  return h('pre', { class: 'difference', tabindex: 0, role: 'region', 'aria-label': 'Difference by lines' },
    h('code', {}, rows.map((line) => h('span', { class: KINDS[line[0]] ?? null }, line || ' '))));
}
