// All gateways, renewed while they are looked at.

import { get, may, written } from '../../api.js';
import { fill, h } from '../../dom.js';
import { keyed, list, renewedEvery10s } from '../../renewing.js';
import { busy, choice, field, form, short, table } from '../../ui.js';
import { readLabels } from './label_text.js';
import { configurations, naming, runs } from './configurations.js';
import { labels, standing, state } from './words.js';

const NAMES = ['name', 'environment', 'configuration_id', 'labels'];
const EMPTY = 'No gateway yet. Make one: it gets a token, and `kt gateway run` starts it.';

export async function fleet({ query, signal }) {
  let chosen = Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? '']));
  const named = naming(signal);
  const load = async (cursor, limit) =>
    (await get('/v1/gateways', { ...asked(chosen), cursor, limit }, signal)).data;
  const shown = list(load, async (rows) => drawn(rows, await named(rows), chosen));
  const [known] = await Promise.all([configurations(signal), shown.begun()]);
  const filter = filters(chosen, known, async (values) => {
    chosen = values;
    history.replaceState(null, '', `#/gateways${written(chosen)}`);
    await shown.begun();
  });
  return [
    h('h1', {}, 'Gateways'),
    may('gateways:write') ? h('p', {}, h('a', { class: 'button primary', href: '#/gateways/new' }, 'New gateway')) : null,
    filter,
    shown.element,
    renewedEvery10s(signal, shown.renewed),
  ];
}

/** The filters as the API has them. */
function asked({ labels: text, ...others }) {
  const pairs = Object.entries(readLabels(text, ','));
  return { ...others, ...Object.fromEntries(pairs.map(([key, value]) => [`label.${key}`, value])) };
}

function drawn(rows, known, chosen) {
  const columns = [
    ['Gateway', (one) => [h('a', { href: `#/gateways/${one.id}` }, one.name), h('div', {}, labels(one.labels))]],
    ['Environment', (one) => one.environment ?? h('span', { class: 'quiet' }, 'none')],
    ['Status', (one) => state(one.status)],
    ['Configuration', (one) => runs(one, known)],
    ['Desired digest', (one) => short(one.desired_digest)],
    ['Instances', standing],
  ];
  const narrowed = Object.values(chosen).some(Boolean);
  return keyed(table('Gateways', columns, rows, narrowed ? 'No gateway fits these filters.' : EMPTY), rows, (one) => one.id);
}

function filters(chosen, known, apply) {
  const text = (name) => h('input', { name, value: chosen[name], autocomplete: 'off' });
  const options = [['', 'any'], ...(known ?? []).map((one) => [one.id, one.name])];
  const shown = form(apply, 'Filter',
    field('Name', text('name')),
    field('Environment', text('environment')),
    known
      ? field('Configuration', choice({ name: 'configuration_id' }, options, chosen.configuration_id))
      : field('Configuration (its id)', text('configuration_id')),
    field('Labels', h('input', { name: 'labels', value: chosen.labels, placeholder: 'team=payments, tier=1' })));
  shown.classList.add('filters');
  const clear = h('button', { type: 'button', onclick: () => busy(clear, () => {
    for (const control of shown.elements) if (control.name) control.value = '';
    return apply({ name: '', environment: '', configuration_id: '', labels: '' });
  }) }, 'Clear');
  shown.querySelector('.actions').append(clear);
  return fill(h('search', {}), shown);
}
