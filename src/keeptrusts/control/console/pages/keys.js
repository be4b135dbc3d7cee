// Keys of people and automation, and what can be done with them.

import { pressed, saying } from '../acting.js';
import { get, may, send, who } from '../api.js';
import { h } from '../dom.js';
import { keyed, list } from '../renewing.js';
import { badge, done, sure, table, when } from '../ui.js';
import { making } from './keys/making.js';
import { rotating } from './keys/rotating.js';

export function show(place) {
  const [first, then] = place.rest;
  if (first === 'new' && may('tokens:write')) return making(place);
  if (then === 'rotate' && may('tokens:write')) return rotating(first, place);
  return all(place);
}

async function all({ signal }) {
  const said = h('div', { tabindex: -1 });
  const load = async (cursor, limit) => (await get('/v1/tokens', { cursor, limit }, signal)).data;
  const rows = list(load, (found) => drawn(found, (key) => revoke(key, said, rows.renewed)));
  await rows.begun();
  return [
    h('h1', {}, 'Keys'),
    h('p', {}, 'Keys of people, of automation and of gateways. What a key is can be read here; its secret is stored nowhere.'),
    may('tokens:write') ? h('p', {}, h('a', { href: '#/keys/new', class: 'button primary' }, 'New key')) : null,
    said,
    rows.element,
  ];
}

function drawn(found, drop) {
  const columns = [
    ['Name', nameOf],
    ['State', (key) => badge(stateOf(key))],
    ['Role', roleOf],
    ['Scopes', scopesOf],
    ['Last used', (key) => when(key.last_used_at)],
    ['Ends', (key) => when(key.revoked_at ?? key.expires_at)],
  ];
  if (may('tokens:write')) columns.push(['Actions', (key) => (stateOf(key) === 'active' ? actions(key, drop) : '')]);
  return keyed(table('Keys', columns, found, 'There is no key.'), found, (key) => key.id);
}

const nameOf = (key) => [
  h('span', { class: 'wrap' }, key.name), key.id === who().key_id ? h('span', { class: 'quiet' }, ' (yours)') : null,
  h('br'), h('code', { class: 'quiet nowrap', title: key.prefix }, key.prefix.replace(/^(\w+_\w{8})\w+(\w{6})$/, '$1…$2')),
];

const about = (key) => h('span', { class: 'hidden' }, ` ${key.name} ${key.prefix}`);

const actions = (key, drop) => h('div', { class: 'in-row' },
  h('a', { href: `#/keys/${key.id}/rotate` }, 'Rotate', about(key)),
  pressed(['Revoke', about(key)], () => drop(key), { class: 'danger' }));

/** Whether it can be used. */
export function stateOf(key) {
  if (key.revoked_at) return 'revoked';
  return key.expires_at && new Date(key.expires_at) <= new Date() ? 'expired' : 'active';
}

function roleOf(key) {
  if (!key.gateway_id) return key.role;
  return may('gateways:read') ? h('a', { href: `#/gateways/${key.gateway_id}` }, 'gateway') : 'gateway';
}

function scopesOf(key) {
  if (!key.scopes.length) return h('span', { class: 'quiet' }, 'all of the role');
  return key.scopes.map((scope) => h('div', {}, h('code', { class: 'nowrap' }, scope)));
}

/** The tag is read before the question is asked: what is revoked is what was seen. */
async function revoke(key, said, renewed) {
  const own = key.id === who().key_id;
  const after = own
    ? 'You are signed in with it: revoking it signs you out at once.'
    : 'Whoever uses it is refused from then on. It cannot be taken back.';
  await saying(said, async () => {
    const { etag } = await get(`/v1/tokens/${key.id}`);
    if (!await sure(`Revoke the key “${key.name}” (${key.prefix})? ${after}`, 'Revoke')) return '';
    await send('DELETE', `/v1/tokens/${key.id}`, undefined, { etag });
    await renewed();
    return done(`The key “${key.name}” is revoked.`);
  });
  if (said.hasChildNodes()) said.focus();
}
