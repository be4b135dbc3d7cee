// Every write: by whom, to what, from where.

import { get, may, written } from '../api.js';
import { h } from '../dom.js';
import { keyed, list } from '../renewing.js';
import { field, table, when } from '../ui.js';

const FILTERS = [['action', 'Action'], ['actor', 'Id of the actor'], ['object_type', 'Type of object'], ['object_id', 'Id of the object']];
/** Of a type of object: the page that shows one, and the scope that it needs. */
const PAGES = {
  configuration: ['configurations', 'configurations:read'],
  gateway: ['gateways', 'gateways:read'],
  escalation: ['escalations', 'escalations:read'],
  webhook: ['webhooks', 'webhooks:read'],
  export: ['exports', 'exports:read'],
  variable: ['secrets', 'variables:write'],
};
const MOST_KEYS = 200;

export async function show({ query, signal }) {
  const asked = Object.fromEntries(FILTERS.map(([name]) => [name, query.get(name) ?? '']));
  const names = await keyNames(signal);
  const known = h('datalist', { id: 'actions' });
  const rows = list(
    async (cursor, limit) => (await get('/v1/audit-log', { ...asked, cursor, limit }, signal)).data,
    (found) => {
      known.replaceChildren(...actionsOf(found));
      return keyed(drawn(found, asked, names), found, (entry) => entry.id);
    });
  await rows.begun();
  return [
    h('h1', {}, 'Audit log'),
    h('p', {}, 'Every write, newest first: who did it, to what, and from where. Nothing in it is ever changed.'),
    filters(asked), known,
    rows.element,
  ];
}

/** From the id of a key to its name, where this key may see it. */
async function keyNames(signal) {
  if (!may('tokens:read')) return new Map();
  const { data } = await get('/v1/tokens', { limit: MOST_KEYS }, signal);
  return new Map(data.data.map((key) => [key.id, key.name]));
}

const actionsOf = (found) => [...new Set(found.map((entry) => entry.action))].sort().map((value) => h('option', { value }));

function filters(asked) {
  const chosen = (event) => {
    event.preventDefault();
    location.hash = `#/audit-log${written(Object.fromEntries([...new FormData(event.target)].map(([name, value]) => [name, value.trim()])))}`;
  };
  return h('form', { class: 'filters', onsubmit: chosen },
    FILTERS.map(([name, words]) => field(words, h('input', {
      name, value: asked[name], maxlength: 200, spellcheck: 'false', autocomplete: 'off', list: name === 'action' ? 'actions' : null,
    }))),
    h('button', { type: 'submit' }, 'Show'),
    Object.values(asked).some(Boolean) ? h('a', { href: '#/audit-log' }, 'Show all') : null,
    may('exports:write') ? h('a', { href: `#/exports/new${written({ type: 'audit-log', ...asked })}` }, 'Export these') : null);
}

const drawn = (found, asked, names) => table('Audit log', [
  ['When', (entry) => when(entry.at)],
  ['Action', (entry) => only('action', entry.action, entry.action)],
  ['Actor', (entry) => actor(entry.actor, names)],
  ['Object', object],
  ['Address', (entry) => entry.ip ?? ''],
  ['Change', change],
], found, Object.values(asked).some(Boolean)
  ? 'No entry is like this. Filters are compared whole: write an action as in token.create.'
  : 'Nothing was written yet.');

/** The way to the entries that are alike. */
const only = (name, value, words) => h('a', { href: `#/audit-log${written({ [name]: value })}`, title: `Only those of ${value}` }, words);

function actor(id, names) {
  if (id === 'system') return only('actor', id, 'the control plane itself');
  const code = middle(id);
  return names.has(id) ? [only('actor', id, names.get(id)), h('br'), h('span', { class: 'quiet' }, code)] : only('actor', id, code);
}

/** The start and the end of an id, which tell it from its neighbours; whole in the title. */
const middle = (id) =>
  h('code', { class: 'nowrap', title: id }, id.length > 22 ? `${id.slice(0, 12)}…${id.slice(-6)}` : id);

function object({ action, object_type: type, object_id: id }) {
  const [page, scope] = PAGES[type] ?? [];
  const gone = action.endsWith('.delete');
  return [type, h('br'), page && may(scope) && !gone ? h('a', { href: `#/${page}/${id}` }, middle(id)) : middle(id)];
}

/** The digests of the object, whole when opened. */
function change(entry) {
  const { before_digest: before, after_digest: after } = entry;
  const words = before === after && before ? 'unchanged' : [start(before), ' → ', start(after)];
  return h('details', {},
    h('summary', { class: 'nowrap' }, before || after ? words : 'no digest'),
    h('dl', { class: 'narrow-facts' },
      pair('Before', before ?? 'there was none'), pair('After', after ?? 'there is none'), pair('Request', entry.request_id)));
}

const pair = (name, value) => [h('dt', {}, name), h('dd', {}, h('code', {}, value))];

const start = (digest) => (digest ? h('code', {}, digest.replace(/^sha256:/, '').slice(0, 8)) : 'none');
