// Making a gateway, and changing one.

import { trail, turnInto } from '../../acting.js';
import { get, may, send } from '../../api.js';
import { fill, h } from '../../dom.js';
import { whileVisible } from '../../renewing.js';
import { choice, done, field, form, problem } from '../../ui.js';
import { configurations } from './configurations.js';
import { readLabels, writeLabels } from './label_text.js';
import { makeToken } from './tokens.js';

const NEW = {
  name: '', description: '', labels: {}, environment: '', configuration_id: '', configuration_version: '',
  fail_mode: 'block', deployment: { strategy: 'all' },
};
const ALL = ['#/gateways', 'Gateways'];
const FAIL_MODES = [['block', 'block the request'], ['allow', 'let the request through']];
const STRATEGIES = [['all', 'to all instances at once'], ['canary', 'to some instances first (canary)']];

export async function newGateway({ signal }) {
  const page = h('div');
  const known = await configurations(signal);
  return fill(page,
    trail(ALL),
    h('h1', {}, 'New gateway'),
    form(async (values) => {
      const { data } = await send('POST', '/v1/gateways', written(values));
      await arrived(page, data, signal);
    }, 'Make the gateway', controls(NEW, known)));
}

/** The gateway is made: its first token, how to start it, and whether it has come. */
async function arrived(page, gateway, signal) {
  const path = `/v1/gateways/${gateway.id}`;
  const seen = h('p', { role: 'status' }, 'Waiting for the first instance …');
  let token = h('p', { class: 'note' }, 'To start it, it needs a token, which an admin makes on its page.');
  if (may('tokens:write')) token = await makeToken(path, {}).catch(problem);
  const heading = h('h1', {}, `${gateway.name} is ready to start`);
  turnInto(page, heading,
    trail(ALL),
    heading,
    done('The gateway is made.'),
    token,
    seen,
    h('p', {}, h('a', { class: 'button', href: `#/gateways/${gateway.id}` }, 'To the gateway')));
  let came = false;
  whileVisible(3, signal, async () => {
    const found = came ? null : await get(path, {}, signal).catch(() => null);
    const [first] = found?.data.instances ?? [];
    if (!first) return;
    came = true;
    fill(seen, `The instance ${first.instance_id} is here.`);
  });
}

export async function changeGateway({ rest: [id], signal }) {
  const path = `/v1/gateways/${encodeURIComponent(id)}`;
  const [{ data, etag }, known] = await Promise.all([get(path, {}, signal), configurations(signal)]);
  return [
    trail(ALL, [`#/gateways/${id}`, data.name]),
    h('h1', {}, `Change ${data.name}`),
    form(async (values) => {
      await send('PATCH', path, written(values), { etag });
      location.hash = `#/gateways/${id}?saved=1`;
    }, 'Save', controls(data, known)),
    h('p', {}, h('a', { href: `#/gateways/${id}` }, 'Back without saving')),
  ];
}

/** What the API is sent of what was typed; what is empty clears. */
function written({ percent, strategy, labels, ...values }) {
  const version = Number(values.configuration_version);
  return {
    ...values,
    description: values.description || null,
    environment: values.environment || null,
    configuration_id: values.configuration_id || null,
    configuration_version: values.configuration_id && version ? version : null,
    labels: readLabels(labels, '\n'),
    deployment: strategy === 'canary' ? { strategy, percent: Number(percent) } : { strategy },
  };
}

function controls(gateway, known) {
  const text = (name, more = {}) => h('input', { name, value: gateway[name] ?? '', autocomplete: 'off', ...more });
  const number = (name, value, more) => h('input', { name, type: 'number', min: 1, value: value ?? '', ...more });
  const area = (name, value, more = {}) => h('textarea', { name, rows: 2, value, ...more });
  const version = number('configuration_version', gateway.configuration_version);
  const percent = field('Percent of the instances', number('percent', gateway.deployment.percent ?? 10, { max: 100, required: true }));
  const strategy = choice({ name: 'strategy', onchange: () => shown() }, STRATEGIES, gateway.deployment.strategy);
  const shown = () => {
    percent.hidden = strategy.value !== 'canary';
    percent.querySelector('input').disabled = percent.hidden;
  };
  shown();
  return [
    field('Name', text('name', { required: true, maxlength: 200 })),
    field('Description', area('description', gateway.description ?? '', { maxlength: 2000 })),
    field('Environment', text('environment', { maxlength: 63 }), 'Such as production or staging.'),
    field('Labels', area('labels', writeLabels(gateway.labels)), 'key=value, one a line.'),
    configurationField(gateway, known, () => { version.value = ''; }),
    field('Version', version, 'Empty: it follows the latest. A number pins it.'),
    field('New versions go', strategy),
    percent,
    field('When a policy fails', choice({ name: 'fail_mode' }, FAIL_MODES, gateway.fail_mode),
      'A gateway that blocks lets nothing pass that was not judged.'),
  ];
}

/** The number of a version is of one configuration: `changed` is called when another is chosen. */
function configurationField({ configuration_id: chosen }, known, changed) {
  const attributes = { name: 'configuration_id', onchange: changed };
  const hint = 'Without one it refuses all traffic.';
  if (!known) return field('Configuration', h('input', { ...attributes, value: chosen ?? '' }), `Its id. ${hint}`);
  const options = [['', 'none'], ...known.map((one) => [one.id, `${one.name} (version ${one.version})`])];
  return field('Configuration', choice(attributes, options, chosen ?? ''), hint);
}
