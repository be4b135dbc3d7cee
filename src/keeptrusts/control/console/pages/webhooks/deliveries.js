// What a webhook was sent, newest first.

import { pressed, saying } from '../../acting.js';
import { get, may } from '../../api.js';
import { fill, h } from '../../dom.js';
import { keyed, list } from '../../renewing.js';
import { badge, choice, field, problem, table, when } from '../../ui.js';
import { sent } from './sending.js';
import { answered } from './words.js';

const STATES = [['', 'any'], ['pending', 'pending'], ['delivered', 'delivered'], ['dead', 'dead (given up)']];

/** `element`, and `renewed()`. */
export async function deliveries(here, query) {
  let state = query.get('state') ?? '';
  const failed = h('div');
  const load = async (cursor, limit) => (await get(`${here.path}/deliveries`, { state, cursor, limit }, here.signal)).data;
  const shown = list(load, (rows) => drawn(here, rows, state));
  await shown.begun();
  const chosen = choice({ name: 'state', onchange: async () => {
    state = chosen.value;
    await shown.begun().then(() => fill(failed), (fault) => fill(failed, problem(fault)));
  } }, STATES, state);
  return {
    element: [h('h2', {}, 'Deliveries'),
      h('p', { class: 'quiet' }, 'Each message over all its attempts. Those that are over are kept for 30 days.'),
      h('div', { class: 'filters' }, field('State of the delivery', chosen)), failed, shown.element],
    renewed: shown.renewed,
  };
}

function drawn(here, rows, state) {
  const columns = [
    ['Message', (one) => h('a', { href: `#/webhooks/${one.webhook_id}/deliveries/${one.id}` }, one.event_type)],
    ['State', (one) => badge(one.state)],
    ['Attempts', (one) => one.attempts],
    ['Last answer', answered],
    ['Next try', (one) => (one.next_attempt_at ? when(one.next_attempt_at) : h('span', { class: 'quiet' }, 'none'))],
    ['Made', (one) => when(one.created_at)],
  ];
  if (may('webhooks:write')) columns.push(['Again', (one) => again(here, one)]);
  const empty = state ? 'None is in this state.' : 'Nothing was sent yet. Send a test to see whether the endpoint answers.';
  return keyed(table('Deliveries', columns, rows, empty), rows, (one) => one.id);
}

/** The button that sends it once more. */
export const again = (here, one) =>
  pressed(['Redeliver', h('span', { class: 'hidden' }, ` ${one.event_type} of ${one.created_at}`)],
    () => saying(here.said, () => sent(here, `${here.path}/deliveries/${one.id}/redeliver`, 'Sent again')));
