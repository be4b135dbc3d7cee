// What is shown of a gateway: its settings, its canary, its instances.

import { h } from '../../dom.js';
import { keyed } from '../../renewing.js';
import { facts, short, table, when } from '../../ui.js';
import { configurationLink, runs } from './configurations.js';
import { ago, labels, standing, state } from './words.js';

export const settings = (gateway, known) => [
  gateway.description ? h('p', {}, gateway.description) : null,
  facts([
    ['Status', state(gateway.status)],
    ['Environment', gateway.environment],
    ['Configuration', runs(gateway, known)],
    ['Desired digest', short(gateway.desired_digest, 24)],
    ['Instances', standing(gateway)],
    ['Loaded', loaded(gateway)],
    ['When a policy fails', gateway.fail_mode === 'block' ? 'the request is blocked' : 'the request is let through'],
    ['New versions go to', rollout(gateway.deployment)],
    ['Labels', Object.keys(gateway.labels).length ? labels(gateway.labels) : null],
    ['Id', h('code', {}, gateway.id)],
    ['Made', when(gateway.created_at)],
    ['Changed', when(gateway.updated_at)],
  ]),
];

const rollout = ({ strategy, percent }) =>
  strategy === 'canary' ? `${percent} % of the instances first (canary)` : 'all instances at once';

/** An instance has done what was last asked for once its epoch is no lower than the gateway's. */
function loaded({ instances: all, epoch, configuration_id: configuration }) {
  if (!all.length || !configuration) return null;
  return `epoch ${epoch} by ${all.filter((one) => (one.epoch ?? 0) >= epoch).length} of ${all.length}`;
}

export function canary(gateway, known) {
  if (!gateway.stable) return null;
  const { stable, desired_digest: desired } = gateway;
  const first = gateway.instances.filter((one) => one.desired_digest === desired).map((one) => one.instance_id).sort();
  return h('section', { class: 'note' },
    h('h2', {}, 'Canary under way'),
    h('p', {}, `${gateway.deployment.percent} % of the instances are to run `, short(desired, 24),
      first.length ? ': ' : '; none of them was heard of yet.', first.map((one, index) => [index ? ', ' : '', h('code', {}, one)])),
    h('p', {}, 'The others stay at ', configurationLink(stable.configuration_id, known), ` version ${stable.configuration_version}, `,
      short(stable.content_digest, 24), ', until you promote it.'));
}

export function instances(gateway) {
  // by their ids, so that none changes its place while one reads
  const rows = gateway.instances.toSorted((one, other) => (one.instance_id < other.instance_id ? -1 : 1));
  const columns = [
    ['Instance', (one) => h('code', { class: one.instance_id.length < 40 ? 'one-line' : 'wrap' }, one.instance_id)],
    ['State', (one) => state(one.state)],
    ['Active digest', (one) => short(one.active_digest) || h('span', { class: 'quiet' }, 'none')],
    ['To run', (one) => [
      one.active_digest === one.desired_digest ? 'the same' : short(one.desired_digest),
      gateway.stable && one.desired_digest === gateway.desired_digest ? h('div', { class: 'warn' }, 'in the canary') : null]],
    ['Program', (one) => one.version],
    ['Last seen', (one) => ago(one.last_seen_at)],
    ['Last error', (one) => one.last_error ?? h('span', { class: 'quiet' }, 'none')],
  ];
  return [h('h2', {}, 'Instances'),
    keyed(table('Instances', columns, rows, 'None was heard of yet. Start one with a token of this gateway.'), rows, (one) => one.instance_id)];
}
