// Archives of what was recorded: all of them, one of them, and a new one.

import { saying } from '../acting.js';
import { get, may } from '../api.js';
import { h } from '../dom.js';
import { keyed, list, whileVisible } from '../renewing.js';
import { badge, choice, field, short, table, when } from '../ui.js';
import { FORMATS, STATES, TYPES, mayRead, wordOf } from './exports/choices.js';
import { download, isUnderWay, progress, sizeOf } from './exports/facts.js';
import { making } from './exports/making.js';
import { one } from './exports/one.js';

export function show(place) {
  const [first] = place.rest;
  if (first === 'new' && may('exports:write')) return making(place);
  return first ? one(first, place) : all(place);
}

async function all({ query, signal }) {
  const state = query.get('state') ?? '';
  let found = [];
  const rows = list(
    async (cursor, limit) => (await get('/v1/exports/jobs', { state, cursor, limit }, signal)).data,
    (read) => {
      found = read;
      return keyed(drawn(read, state), read, (row) => row.id);
    });
  await rows.begun();
  const said = h('div');
  whileVisible(3, signal, () => (found.some(isUnderWay) ? saying(said, rows.renewed) : null));
  return [
    h('h1', {}, 'Exports'),
    h('p', {}, 'Archives of events, escalations and the audit log, each with a manifest that proves what it holds.'),
    may('exports:write') ? h('p', {}, h('a', { href: '#/exports/new', class: 'button primary' }, 'New export')) : null,
    filters(state),
    said,
    rows.element,
  ];
}

function filters(state) {
  const shown = choice({ name: 'state' }, [['', 'All'], ...STATES], state);
  return h('form', { class: 'filters', onsubmit: (event) => {
    event.preventDefault();
    location.hash = shown.value ? `#/exports?state=${shown.value}` : '#/exports';
  } }, field('State', shown), h('button', { type: 'submit' }, 'Show'));
}

const drawn = (rows, state) => table('Exports', [
  ['Export', (row) => h('a', { href: `#/exports/${row.id}`, class: 'nowrap' },
    `${wordOf(TYPES, row.type)} `, h('code', {}, `…${row.id.slice(-6)}`))],
  ['State', (row) => badge(row.state)],
  ['Progress', progress],
  ['Format', (row) => wordOf(FORMATS, row.format)],
  ['From', (row) => when(row.window_from)],
  ['Until', (row) => when(row.window_to)],
  ['Size', (row) => sizeOf(row.size_bytes)],
  ['SHA-256', (row) => short(row.sha256, 12)],
  ['Archive', (row) => (row.state === 'completed' && mayRead(row.type) ? download(row) : '')],
], rows, state ? 'No export is in this state.' : 'Nothing was exported yet. A new export is made in the background.');
