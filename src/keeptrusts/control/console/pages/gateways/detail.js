// One gateway: what it is to run, what its instances run, and what can be done about it.

import { keepFocus, offer, trail } from '../../acting.js';
import { may, send } from '../../api.js';
import { fill, h } from '../../dom.js';
import { kept, renew, renewedEvery10s, soon } from '../../renewing.js';
import { done, sure } from '../../ui.js';
import { naming } from './configurations.js';
import { canary, instances, settings } from './parts.js';
import { tokens } from './tokens.js';

export async function detail({ rest: [id], query, signal }) {
  const path = `/v1/gateways/${encodeURIComponent(id)}`;
  const named = naming(signal);
  const here = { path, signal, gateway: null, etag: null, live: h('div'), bar: h('div', { class: 'actions' }), said: h('div') };
  here.kept = kept(path, async ({ data, etag }) => {
    const known = await named([data]);
    Object.assign(here, { gateway: data, etag });
    renew(here.live, settings(data, known), canary(data, known), instances(data));
    offer(here.bar, offered(here));
  }, signal);
  await here.kept.read();
  if (query.get('saved')) {
    fill(here.said, done('Saved. Its instances get it within about a second.'));
    soon(signal, here.kept.read);
  }
  return [
    trail(['#/gateways', 'Gateways']),
    h('h1', {}, here.gateway.name),
    here.bar,
    here.said,
    here.live,
    renewedEvery10s(signal, here.kept.read),
    await tokens(here, signal),
  ];
}

/** What can be done with it as it is. */
function offered(here) {
  if (!may('gateways:write')) return [];
  return [
    { words: 'Change', href: `#/gateways/${here.gateway.id}/change` },
    ...actions(here.gateway).map((kind) => ({ words: kind.words, work: () => act(here, kind) })),
    { words: 'Delete', work: () => remove(here), danger: true },
  ];
}

function actions(gateway) {
  if (!gateway.configuration_id) return [];
  const { configuration_version: pinned, stable } = gateway;
  const back = stable?.configuration_id === gateway.configuration_id && stable.configuration_version;
  return [
    stable && { wanted: { action: 'promote' }, words: 'Promote the canary', then: 'Promoted: every instance gets what the canary runs.' },
    back && { wanted: { action: 'pin', configuration_version: back }, words: `Go back to version ${back}`,
      then: `Every instance gets version ${back}, and the gateway stays at it until you let it follow the latest.` },
    { wanted: { action: 'reload' }, words: 'Reload', then: 'Every instance fetches and activates its document once more.' },
    pinned
      ? { wanted: { action: 'unpin' }, words: 'Follow the latest', then: 'It follows the latest version from now on.' }
      : { wanted: { action: 'pin' }, words: 'Pin this version', then: 'Pinned: it stays at this version until you let it follow the latest.' },
  ].filter(Boolean);
}

async function act(here, { wanted, then }) {
  fill(here.said);
  await here.kept.changed(send('POST', `${here.path}/actions`, wanted, { etag: here.etag }));
  fill(here.said, done(then));
  soon(here.signal, here.kept.read);
  keepFocus(here.bar);
}

async function remove(here) {
  const question = `Delete the gateway “${here.gateway.name}”? Its tokens are revoked, and its instances get nothing any more. Its events stay.`;
  if (!await sure(question, 'Delete')) return;
  await send('DELETE', here.path, undefined, { etag: here.etag });
  location.hash = '#/gateways';
}
