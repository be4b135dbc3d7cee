// The filters of events: as they stand in the address, and as a form.

import { h } from '../../dom.js';
import { choice, field, form } from '../../ui.js';
import { idOf } from './names.js';

/** What `GET /v1/events` takes, under its names. */
export const FILTERS = ['q', 'verdict', 'gateway_id', 'since', 'until', 'configuration_id', 'policy', 'reason_code', 'model',
  'provider', 'user_id', 'agent_id', 'event_type'];
const MAIN = ['q', 'verdict', 'gateway_id', 'since', 'until'];
const TIMES = ['since', 'until'];
const VERDICTS = ['allowed', 'redacted', 'escalated', 'blocked', 'failed'];

/** Those that are set in a query, or in the values of the form. */
export const chosenOf = (values) => Object.fromEntries(
  FILTERS.map((name) => [name, (values.get(name) ?? '').trim()]).filter(([, value]) => value));

/** `names`: of `names.js`. `apply(chosen)` is called with what is filled in. */
export function filterForm(chosen, names, apply) {
  const drawn = fieldsOf(chosen, names);
  const rest = FILTERS.filter((name) => !MAIN.includes(name));
  const more = h('details', { open: rest.some((name) => chosen[name]) }, h('summary', {}, 'More filters'),
    h('div', { class: 'filters columns' }, rest.map((name) => drawn[name])));
  const made = form(async (values) => apply(chosenOf(new Map(Object.entries(await asInAddress(values, names))))), 'Apply',
    h('div', { class: 'filters columns' }, MAIN.map((name) => drawn[name])), more);
  made.setAttribute('role', 'search');
  made.setAttribute('aria-label', 'Filters');
  made.lastChild.append(h('button', { type: 'button', onclick: () => {
    for (const control of made.querySelectorAll('input, select')) control.value = '';
    apply({});
  } }, 'Clear'));
  return made;
}

function fieldsOf(chosen, names) {
  const text = (name, more = {}) => h('input', { name, value: chosen[name] ?? '', maxlength: 200, spellcheck: 'false', ...more });
  const time = (name) => h('input', { name, type: 'datetime-local', step: 'any', value: asInForm(chosen[name]) });
  const oneOf = (name, words, options) => choice({ name }, [['', words], ...options], chosen[name] ?? '');
  return {
    q: field('Search', text('q', { type: 'search', placeholder: 'id, user, reason …' })),
    verdict: field('Verdict', oneOf('verdict', 'any', VERDICTS.map((one) => [one, one]))),
    gateway_id: field('Gateway', named('gateway_id', names.gateway_id, chosen.gateway_id)),
    since: field('Since', time('since')),
    until: field('Until', time('until')),
    configuration_id: field('Configuration', named('configuration_id', names.configuration_id, chosen.configuration_id)),
    policy: field('Policy that acted', text('policy', { placeholder: 'pii-detector' })),
    reason_code: field('Reason', text('reason_code', { placeholder: 'rbac.model' })),
    model: field('Model', text('model')),
    provider: field('Provider', text('provider')),
    user_id: field('User', text('user_id')),
    agent_id: field('Agent', text('agent_id')),
    event_type: field('Kind of record', oneOf('event_type', 'any', [['decision', 'decisions'], ['gap', 'gaps']])),
  };
}

/** A choice of names where there are not too many; what has none any more is there by its id. */
function named(name, { names, hasMore }, id = '') {
  if (!names.size || hasMore) {
    const placeholder = hasMore ? 'its name or id' : 'its id';
    return h('input', { name, value: names.get(id) ?? id, maxlength: 200, spellcheck: 'false', placeholder });
  }
  const known = [...names].sort(([, one], [, other]) => one.localeCompare(other));
  return choice({ name }, [['', 'any'], ...known, ...(id && !names.has(id) ? [[id, id]] : [])], id);
}

/** A time in the form is in the zone of this browser. */
function asInForm(text) {
  const moment = new Date(text ?? '');
  if (Number.isNaN(moment.getTime())) return '';
  return new Date(moment - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

async function asInAddress(values, names) {
  const times = TIMES.filter((name) => values[name]).map((name) => [name, new Date(values[name]).toISOString().replace('.000Z', 'Z')]);
  const ids = await Promise.all(Object.entries(names).map(async ([name, known]) => [name, await idOf(name, values[name].trim(), known)]));
  return { ...values, ...Object.fromEntries([...times, ...ids]) };
}
