// The credentials of a gateway, and how one is used.

import { pressed, saying } from '../../acting.js';
import { get, may, send } from '../../api.js';
import { copyable, shownOnce } from '../../copying.js';
import { fill, h } from '../../dom.js';
import { keyed, list } from '../../renewing.js';
import { badge, choice, done, field, form, sure, table, when } from '../../ui.js';

const DAY = 86_400;
const LIFETIMES = [['', 'never'], [30 * DAY, 'in 30 days'], [90 * DAY, 'in 90 days'], [365 * DAY, 'in a year']];

/** The list of them, and a form for another. */
export async function tokens(here, signal) {
  const said = h('div');
  const load = async (cursor, limit) => (await get(`${here.path}/tokens`, { cursor, limit }, signal)).data;
  const shown = list(load, (rows) => drawn(rows, (key) => revoke(here, key, said, shown.renewed)));
  await shown.begun();
  return [
    h('h2', {}, 'Tokens'),
    h('p', { class: 'quiet' }, 'Each instance shows a token to the control plane. Several may live at a time, so that one can be replaced.'),
    said,
    shown.element,
    may('tokens:write') ? making(here, said, shown.renewed) : null,
  ];
}

/** A new token, and what to do with it. */
export async function makeToken(path, wanted) {
  const { data } = await send('POST', `${path}/tokens`, wanted);
  return shownOnce('Token', data.token,
    copyable('Start an instance with it', `KEEPTRUSTS_GATEWAY_TOKEN=${data.token} kt gateway run --api-url ${location.origin}`),
    h('p', { class: 'hint' }, 'Give it the keys of your model providers too, as the configuration names them. '
      + 'It listens on port 41002 of its machine; where another gateway does, add ', h('code', {}, '--listen 127.0.0.1:41003'), '.'));
}

function drawn(rows, drop) {
  const columns = [
    ['Name', (key) => key.name],
    ['Begins with', (key) => h('code', {}, key.prefix)],
    ['State', (key) => badge(stateOf(key))],
    ['Made', (key) => when(key.created_at)],
    ['Ends', (key) => when(key.revoked_at ?? key.expires_at)],
    ['Last used', (key) => when(key.last_used_at)],
  ];
  if (may('gateways:write')) columns.push(['Revoke', (key) => (key.revoked_at ? '' : pressed(['Revoke', h('span', { class: 'hidden' }, ` ${key.name} ${key.prefix}`)], () => drop(key), { class: 'danger' }))]);
  return keyed(table('Tokens', columns, rows, 'It has no token yet, so no instance can start.'), rows, (key) => key.id);
}

function stateOf(key) {
  if (key.revoked_at) return 'revoked';
  return key.expires_at && new Date(key.expires_at) <= new Date() ? 'expired' : 'active';
}

async function revoke(here, key, said, renewed) {
  const question = `Revoke the token “${key.name}” (${key.prefix})? Instances that use it are refused from then on; they go on with what they run.`;
  if (!await sure(question, 'Revoke')) return;
  await saying(said, async () => {
    await send('DELETE', `${here.path}/tokens/${key.id}`);
    await renewed();
    return done(`The token ${key.prefix} is revoked.`);
  });
}

function making(here, said, renewed) {
  const shown = form(async ({ name, lasts }) => {
    fill(said, await makeToken(here.path, { name, expires_in: lasts ? Number(lasts) : null }));
    await renewed();
    said.querySelector('button').focus();
  }, 'Make a token',
  field('Name of the token', h('input', { name: 'name', value: here.gateway.name, required: true, maxlength: 200, autocomplete: 'off' })),
  field('It ends', choice({ name: 'lasts' }, LIFETIMES)));
  shown.classList.add('filters');
  return [h('h3', {}, 'Another token'), shown];
}
