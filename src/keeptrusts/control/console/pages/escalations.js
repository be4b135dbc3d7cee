// What waits for a person: the queue, and one of them.

import { get } from '../api.js';
import { h } from '../dom.js';
import { keyed, list, renewedEvery10s } from '../renewing.js';
import { badge, choice, field, table } from '../ui.js';
import { dueIn, gatewayNames, isOpen, stateOf, who } from './escalations/facts.js';
import { one } from './escalations/one.js';

const STATES = [
  ['', 'All'], ['queued', 'Queued'], ['claimed', 'Claimed'], ['resolved', 'Resolved'], ['expired', 'Expired'],
];

export const show = (place) => (place.rest[0] ? one(place.rest[0], place) : queue(place));

async function queue({ query, signal }) {
  const asked = { state: query.get('state'), policy: query.get('policy'), user_id: query.get('user_id') };
  const names = await gatewayNames(signal);
  const rows = list(
    async (cursor, limit) => (await get('/v1/escalations', { ...asked, cursor, limit }, signal)).data,
    (found) => keyed(drawn(found, names, asked), found, (row) => row.id));
  await rows.begun();
  return [
    h('h1', {}, 'Escalations'),
    h('p', {}, 'Requests and answers that a policy holds until a person decides.'),
    filters(asked),
    rows.element,
    renewedEvery10s(signal, rows.renewed),
  ];
}

function filters(asked) {
  const show = (event) => {
    event.preventDefault();
    const chosen = [...new FormData(event.target)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value);
    location.hash = `#/escalations?${new URLSearchParams(chosen)}`;
  };
  return h('form', { class: 'filters', onsubmit: show },
    field('State', choice({ name: 'state' }, STATES, asked.state ?? '')),
    field('Policy', h('input', { name: 'policy', value: asked.policy ?? '', spellcheck: 'false' })),
    field('User', h('input', { name: 'user_id', value: asked.user_id ?? '', spellcheck: 'false' })),
    h('button', { type: 'submit' }, 'Show'));
}

const drawn = (rows, names, asked) => table('Escalations', [
  ['Escalation', (row) => h('a', { href: `#/escalations/${row.id}`, class: 'nowrap' },
    `${row.stage === 'input' ? 'Request' : 'Answer'} `,
    h('code', {}, `…${row.id.slice(-8)}`))],
  ['State', (row) => [badge(stateOf(row)), row.claimed_by ? h('div', { class: 'quiet' }, `by ${row.resolved_by ?? row.claimed_by}`) : null]],
  ['Due', (row) => (isOpen(row) ? dueIn(row) : '')],
  ['Policy', (row) => row.policy],
  ['Reason', (row) => [row.message, h('br'), h('span', { class: 'quiet' }, row.reason_code)]],
  ['User', (row) => who(row)],
  ['Gateway', (row) => names(row.gateway_id)],
], rows, Object.values(asked).some(Boolean)
  ? 'No escalation is like this. Choose another state, or leave the filters empty.'
  : 'Nothing was escalated yet. A policy such as `human-oversight` holds what a person has to see first.');
