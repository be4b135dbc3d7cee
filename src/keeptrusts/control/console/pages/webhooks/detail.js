// One webhook: what it is told, what became of it, and its secret.

import { keepFocus, offer, saying, trail } from '../../acting.js';
import { may, send } from '../../api.js';
import { shownOnce } from '../../copying.js';
import { fill, h } from '../../dom.js';
import { kept, renew, renewedEvery10s } from '../../renewing.js';
import { done, facts, sure, when } from '../../ui.js';
import { deliveries } from './deliveries.js';
import { sent } from './sending.js';
import { standing, types } from './words.js';

export async function detail({ rest: [id], query, signal }) {
  const path = `/v1/webhooks/${encodeURIComponent(id)}`;
  const here = { path, signal, webhook: null, etag: null, live: h('div'), bar: h('div', { class: 'actions' }), said: h('div') };
  here.kept = kept(path, ({ data, etag }) => {
    Object.assign(here, { webhook: data, etag });
    renew(here.live, settings(data));
    offer(here.bar, offered(here));
  }, signal);
  await here.kept.read();
  here.deliveries = await deliveries(here, query);
  if (query.get('saved')) fill(here.said, done('Saved.'));
  return [
    trail(['#/webhooks', 'Webhooks']),
    h('h1', {}, here.webhook.url),
    here.bar,
    here.said,
    here.live,
    here.deliveries.element,
    renewedEvery10s(signal, () => Promise.all([here.kept.read(), here.deliveries.renewed()])),
  ];
}

const settings = (webhook) => [
  webhook.description ? h('p', { class: 'wrap' }, webhook.description) : null,
  facts([
    ['State', standing(webhook)],
    ['Told of', types(webhook.event_types)],
    ['Format', webhook.format],
    ['Headers', webhook.header_names.length ? `${webhook.header_names.join(', ')} (values are never shown)` : null],
    ['Secret', `version ${webhook.secret_version}`],
    ['Id', h('code', {}, webhook.id)],
    ['Made', when(webhook.created_at)],
    ['Changed', when(webhook.updated_at)],
  ]),
];

function offered(here) {
  if (!may('webhooks:write')) return [];
  const { active, id } = here.webhook;
  return [
    { words: 'Change', href: `#/webhooks/${id}/change` },
    { words: 'Send a test', work: () => saying(here.said, () => test(here)) },
    { words: 'Rotate the secret', work: () => rotate(here) },
    { words: active ? 'Switch off' : 'Switch on', work: () => switched(here, !active) },
    { words: 'Delete', work: () => remove(here), danger: true },
  ];
}

const test = (here) => sent(here, `${here.path}/test`, 'The test');

async function rotate(here) {
  if (!await sure('Make a new secret? It is shown once. For 24 hours messages are signed with both, so that receivers can change over.', 'Rotate')) return;
  await saying(here.said, async () => {
    const { data } = await here.kept.changed(send('POST', `${here.path}/rotate-secret`, {}));
    const ends = new Date(Date.parse(data.updated_at) + 24 * 3600 * 1000).toISOString();
    return [done('The secret is rotated.'),
      shownOnce('Secret', data.secret, h('p', {}, 'Both the old and the new one sign until ', when(ends), '; after that the new one alone.'))];
  });
}

async function switched(here, active) {
  await saying(here.said, async () => {
    await here.kept.changed(send('PATCH', here.path, { active }, { etag: here.etag }));
    return done(active ? 'Switched on: it is told again, of what waited too.' : 'Switched off: what was not sent yet waits.');
  });
  keepFocus(here.bar);
}

async function remove(here) {
  if (!await sure(`Delete the webhook to ${here.webhook.url}? What it was sent, and what is still to be sent, goes with it.`, 'Delete')) return;
  await send('DELETE', here.path, undefined, { etag: here.etag });
  location.hash = '#/webhooks?deleted=1';
}
