// Secrets that configurations name and gateways fetch. A value goes in here and is never shown again.

import { pressed, saying } from '../acting.js';
import { get, may, send } from '../api.js';
import { h } from '../dom.js';
import { keyed, list } from '../renewing.js';
import { done, sure, table, when } from '../ui.js';
import { changing, making } from './secrets/editing.js';
import { destinations } from './secrets/hosts.js';

let told = null;

export function show(place) {
  const [first] = place.rest;
  if (first && may('variables:write')) return first === 'new' ? making(place, leave) : changing(first, place, leave);
  return all(place);
}

/** Go back to the list, which says what was done. */
function leave(words) {
  told = words;
  location.hash = '#/secrets';
}

async function all({ signal }) {
  const said = h('div', { tabindex: -1 }, told ? done(told) : null);
  told = null;
  const load = async (cursor, limit) => (await get('/v1/config-variables', { cursor, limit }, signal)).data;
  const rows = list(load, (found) => drawn(found, (variable) => drop(variable, said, rows.renewed)));
  await rows.begun();
  return [
    h('h1', {}, 'Secrets'),
    h('p', {}, 'Keys of model providers and the like, kept encrypted. Configurations name them, gateways fetch them, and nobody reads them back.'),
    may('variables:write') ? h('p', {}, h('a', { href: '#/secrets/new', class: 'button primary' }, 'New secret')) : null,
    said,
    rows.element,
  ];
}

function drawn(found, dropped) {
  const columns = [
    ['Name', (one) => [h('code', { class: 'wrap' }, one.name), one.description ? h('div', { class: 'quiet wrap' }, one.description) : null]],
    ['Goes to', destinations],
    ['In a configuration', (one) => h('code', { class: 'wrap' }, `secret_key_ref: {store: ${one.name}}`)],
    ['Value', (one) => h('span', { class: 'nowrap' }, `version ${one.version}`)],
    ['Changed', (one) => when(one.updated_at)],
  ];
  if (may('variables:write')) columns.push(['Actions', (one) => actions(one, dropped)]);
  const empty = 'There is no secret yet. A gateway can also take keys from its own environment.';
  return keyed(table('Secrets', columns, found, empty), found, (one) => one.id);
}

const about = (one) => h('span', { class: 'hidden' }, ` ${one.name}`);

const actions = (one, dropped) => h('div', { class: 'in-row' },
  h('a', { href: `#/secrets/${one.id}` }, 'Change', about(one)),
  pressed(['Delete', about(one)], () => dropped(one), { class: 'danger' }));

async function drop(one, said, renewed) {
  const question = `Delete the secret “${one.name}”? Targets that take their key from it are unavailable from then on.`;
  await saying(said, async () => {
    const { etag } = await get(`/v1/config-variables/${one.id}`);
    if (!await sure(question, 'Delete')) return '';
    await send('DELETE', `/v1/config-variables/${one.id}`, undefined, { etag });
    await renewed();
    return done(`The secret “${one.name}” is deleted.`);
  });
  if (said.hasChildNodes()) said.focus();
}
