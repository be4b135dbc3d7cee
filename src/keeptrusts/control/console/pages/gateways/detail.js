// One gateway: what it is to run, what its instances run, and what can be done about it.

import { get, may, send } from '../../api.js';
import { fill, h } from '../../dom.js';
import { renew, renewedEvery10s } from '../../renewing.js';
import { busy, done, sure } from '../../ui.js';
import { naming } from './configurations.js';
import { canary, instances, settings } from './parts.js';
import { tokens } from './tokens.js';

export async function detail({ rest: [id], query, signal }) {
  const path = `/v1/gateways/${encodeURIComponent(id)}`;
  const named = naming(signal);
  const here = { path, gateway: null, etag: null, live: h('div'), bar: h('div', { class: 'actions' }), said: h('div') };
  const show = async ({ data, etag }) => {
    const known = await named([data]);
    Object.assign(here, { gateway: data, etag });
    renew(here.live, settings(data, known), canary(data, known), instances(data));
    offer(here, show);
  };
  await show(await get(path, {}, signal));
  if (query.get('saved')) fill(here.said, done('Saved. Its instances get it as soon as they ask, which takes about a second.'));
  return [
    h('p', { class: 'trail' }, h('a', { href: '#/gateways' }, 'Gateways')),
    h('h1', {}, here.gateway.name),
    here.bar,
    here.said,
    here.live,
    renewedEvery10s(signal, async () => show(await get(path, {}, signal))),
    await tokens(here, signal),
  ];
}

/** The buttons, made anew only when there are others: what is said beside one of them stays. */
function offer(here, show) {
  const { gateway, bar } = here;
  const kinds = actions(gateway).filter(() => may('gateways:write'));
  const offered = kinds.map(({ words }) => words).join();
  if (bar.dataset.offered === offered) return;
  bar.dataset.offered = offered;
  if (!kinds.length) return;
  const buttons = kinds.map((kind) => {
    const button = h('button', { type: 'button', onclick: () => busy(button, () => act(here, kind, show)) }, kind.words);
    return button;
  });
  const drop = h('button', { type: 'button', class: 'danger', onclick: () => busy(drop, () => remove(here)) }, 'Delete');
  fill(bar, h('a', { class: 'button primary', href: `#/gateways/${gateway.id}/change` }, 'Change'), buttons, drop);
}

/** What the API can do with it as it is. */
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

async function act(here, { wanted, then }, show) {
  fill(here.said);
  await show(await send('POST', `${here.path}/actions`, wanted, { etag: here.etag }));
  fill(here.said, done(then));
  if (!document.activeElement || document.activeElement === document.body) here.bar.querySelector('a')?.focus();
}

async function remove(here) {
  const question = `Delete the gateway “${here.gateway.name}”? Its tokens are revoked, and its instances get nothing any more. Its events stay.`;
  if (!await sure(question, 'Delete')) return;
  await send('DELETE', here.path, undefined, { etag: here.etag });
  location.hash = '#/gateways';
}
