// One message to one endpoint.

import { trail } from '../../acting.js';
import { get, may } from '../../api.js';
import { h } from '../../dom.js';
import { kept, renew, renewedEvery10s } from '../../renewing.js';
import { badge, facts, when } from '../../ui.js';
import { again } from './deliveries.js';
import { answered, outcome } from './words.js';

export async function delivery({ rest: [id, , deliveryId], signal }) {
  const path = `/v1/webhooks/${encodeURIComponent(id)}`;
  const { data: webhook } = await get(path, {}, signal);
  const live = h('div');
  const here = { path, signal, webhook, said: h('div') };
  const found = kept(`${path}/deliveries/${encodeURIComponent(deliveryId)}`, ({ data }) => renew(live, shown(data)), signal);
  here.deliveries = { renewed: found.read };
  const { data } = await found.read();
  return [
    trail(['#/webhooks', 'Webhooks'], [`#/webhooks/${webhook.id}`, webhook.url]),
    h('h1', {}, data.event_type),
    may('webhooks:write') ? h('div', { class: 'actions' }, again(here, data)) : null,
    here.said,
    live,
    renewedEvery10s(signal, found.read),
  ];
}

const shown = (told) => [
  outcome(told),
  facts([
    ['State', badge(told.state)],
    ['Attempts', String(told.attempts)],
    ['Last answer', answered(told)],
    ['Next try', told.next_attempt_at ? when(told.next_attempt_at) : 'none'],
    ['Made', when(told.created_at)],
    ['Delivered', told.delivered_at ? when(told.delivered_at) : 'not yet'],
    ['webhook-id of the message', h('code', {}, told.id)],
  ]),
];
