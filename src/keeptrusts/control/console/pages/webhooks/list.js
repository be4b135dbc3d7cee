// All webhooks.

import { get, may } from '../../api.js';
import { h } from '../../dom.js';
import { list, keyed } from '../../renewing.js';
import { table, when } from '../../ui.js';
import { standing, types } from './words.js';

const EMPTY = 'No webhook yet. Make one, and an endpoint of yours is told of decisions, escalations and changes.';

export async function all({ query, signal }) {
  const shown = list(async (cursor, limit) => (await get('/v1/webhooks', { cursor, limit }, signal)).data, drawn);
  await shown.begun();
  return [
    h('h1', {}, 'Webhooks'),
    query.get('deleted') ? h('p', { class: 'done', role: 'status' }, 'The webhook is deleted.') : null,
    may('webhooks:write') ? h('p', {}, h('a', { class: 'button primary', href: '#/webhooks/new' }, 'New webhook')) : null,
    shown.element,
  ];
}

function drawn(rows) {
  const columns = [
    ['Endpoint', (one) => [h('a', { class: 'wrap', href: `#/webhooks/${one.id}` }, one.url), h('div', { class: 'quiet wrap' }, one.description)]],
    ['State', standing],
    ['Told of', (one) => types(one.event_types)],
    ['Format', (one) => one.format],
    ['Made', (one) => when(one.created_at)],
  ];
  return keyed(table('Webhooks', columns, rows, EMPTY), rows, (one) => one.id);
}
