// The gateways that follow a configuration, and how far they are.

import { get, may } from '../../api.js';
import { h } from '../../dom.js';
import { keyed, list, soon, whileVisible } from '../../renewing.js';
import { badge, table } from '../../ui.js';

const EVERY_S = 10;

/** A table of them that is renewed while it is looked at, or why there is none. */
export async function users(configuration, signal) {
  if (!may('gateways:read')) return h('p', { class: 'quiet' }, 'Your key may not see gateways.');
  const columns = [
    ['Gateway', (gateway) => h('a', { href: `#/gateways/${gateway.id}` }, gateway.name)],
    ['Environment', (gateway) => gateway.environment ?? ''],
    ['Follows', (gateway) => follows(gateway)],
    ['Status', (gateway) => badge(gateway.status)],
    [`Runs version ${configuration.version}`, (gateway) => progress(gateway, configuration)],
  ];
  const shown = list(
    async (cursor, limit) => (await get('/v1/gateways', { configuration_id: configuration.id, cursor, limit }, signal)).data,
    (rows) => keyed(table('Gateways with this configuration', columns, rows,
      'No gateway has it. Give it to one, and the gateway fetches it within seconds.'), rows, (gateway) => gateway.id));
  await shown.begun();
  const again = async () => {
    // another version may be shown by now, in the place of this one
    if (shown.element.isConnected) await shown.renewed();
  };
  soon(signal, again);
  whileVisible(EVERY_S, signal, () => again().catch(() => null));
  return shown.element;
}

function follows(gateway) {
  if (gateway.configuration_version !== null) return `pinned to version ${gateway.configuration_version}`;
  return gateway.stable ? `the newest, as a canary of ${gateway.deployment.percent} %` : 'the newest version';
}

function progress({ instances, configuration_version: pinned }, { content_digest: newest }) {
  if (!instances.length) return h('span', { class: 'quiet' }, 'no instance was heard of');
  const there = instances.filter((instance) => instance.active_digest === newest).length;
  const late = pinned === null ? 'warn' : 'plain';
  const [word, tone] = there === instances.length ? ['yes', 'good'] : there ? ['partly', late] : ['no', late];
  return [h('span', { class: `badge ${tone}` }, word), ` ${there} of ${instances.length} instances`];
}
