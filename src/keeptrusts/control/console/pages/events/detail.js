// One event, whole.

import { get, may } from '../../api.js';
import { h } from '../../dom.js';
import { badge, facts, short, table, when } from '../../ui.js';
import { content } from './content.js';
import { proof } from './proof.js';
import { clipped, isGap, milliseconds, reasonOf, verdictOf } from './rows.js';
import { wholeJson } from './whole_json.js';

export async function event(id, signal) {
  const { data } = await get(`/v1/events/${encodeURIComponent(id)}`, {}, signal);
  const [gateway, configuration] = await Promise.all([
    nameOf('gateways', data.gateway_id, signal), nameOf('configurations', data.configuration_id, signal),
  ]);
  return [
    h('p', { class: 'trail' }, h('a', { href: '#/events' }, 'Events')),
    h('h1', {}, isGap(data) ? 'Records are missing' : `Request ${data.verdict}`),
    isGap(data) ? gap(data) : h('p', {}, verdictOf(data), ' ', h('code', {}, data.reason_code)),
    data.degraded ? h('p', { class: 'note' }, 'A policy failed, and the request was let through without it.') : null,
    facts(placed(data, gateway, configuration)),
    isGap(data) ? null : decision(data),
    h('h2', {}, 'In the chain'),
    facts(chained(data)),
    may('trail:read') ? await proof(id, signal) : null,
    h('h2', {}, 'The whole record'),
    wholeJson(data),
  ];
}

const gap = (data) => h('p', { class: 'note' },
  `The gateway lost its records ${data.from_sequence} to ${data.to_sequence} (${reasonOf(data)}), and says so in its chain.`);

const decision = (data) => [
  h('h2', {}, 'Policies'),
  table('Policies, in the order they judged', POLICY_COLUMNS, data.policies, 'No policy judged this request.'),
  data.policies.some((one) => one.asked) ? asked(data.policies) : null,
  h('h2', {}, 'Provider'),
  facts(provided(data)),
  table('Attempts at providers', ATTEMPT_COLUMNS, data.attempts ?? [], 'Nothing was sent to a provider.'),
  h('h2', {}, 'Caller'),
  called(data),
  h('h2', {}, 'Content'),
  content(data),
];

const POLICY_COLUMNS = [
  ['Policy', (one) => one.kind],
  ['Phase', (one) => one.phase],
  ['Mode', (one) => one.mode],
  ['Verdict', (one) => badge(one.verdict)],
  ['Reason', (one) => clipped(one.reason_code, 'code')],
  ['Findings', (one) => (one.findings ?? []).map(({ category, count }) => `${category} × ${count}`).join(', ')],
  ['Latency', (one) => milliseconds(one.latency_us / 1000)],
];

const ATTEMPT_COLUMNS = [
  ['Target', (one) => one.target_id],
  ['Provider', (one) => one.provider],
  ['Outcome', (one) => one.outcome],
  ['Status', (one) => one.status ?? 'none'],
  ['Latency', (one) => milliseconds(one.latency_ms)],
];

/** What policies asked of others. */
const asked = (policies) => table('What policies asked of others', [
  ['Policy', (one) => one.kind],
  ['Outcome', (one) => one.outcome],
  ['Status', (one) => one.status || 'none'],
  ['Latency', (one) => milliseconds(one.latency_us / 1000)],
  ['Digest of the answer', (one) => short(one.digest)],
], policies.flatMap(({ kind, asked: questions = [] }) => questions.map((one) => ({ ...one, kind }))), '');

/** What it is called; null when the key may not know, or it is gone. */
async function nameOf(noun, id, signal) {
  if (!id || !may(`${noun}:read`)) return null;
  const found = await get(`/v1/${noun}/${encodeURIComponent(id)}`, {}, signal).catch((failed) => {
    if (failed.name === 'AbortError') throw failed;
    return null;
  });
  return found?.data.name ?? null;
}

/** A value, and the way to all events that have it. */
const alike = (name, value) =>
  value && h('a', { href: `#/events?${new URLSearchParams({ [name]: value })}` }, value);

const placed = (data, gateway, configuration) => [
  ['Time', when(data.timestamp)],
  ['Received', when(data.received_at)],
  ['Status', data.status && String(data.status)],
  ['Withheld in phase', data.phase],
  ['If shadow policies were enforced', data.shadow_verdict && badge(data.shadow_verdict)],
  ['Escalation', data.escalation_id && (may('escalations:read')
    ? h('a', { href: `#/escalations/${data.escalation_id}` }, data.escalation_id) : data.escalation_id)],
  ['Gateway', gateway ? h('a', { href: `#/gateways/${data.gateway_id}` }, gateway) : data.gateway_id],
  ['Configuration', configurationOf(data, configuration)],
  ['Digest of the configuration', short(data.config_digest, 20)],
  ['Request', data.request_id && h('code', {}, data.request_id)],
  ['Trace', data.trace_id && h('code', {}, data.trace_id)],
  ['Id', h('code', {}, data.id)],
];

function configurationOf({ configuration_id: id, configuration_version: version }, name) {
  const words = [name ?? id, version && `version ${version}`].filter(Boolean).join(', ');
  if (!name) return words;
  return h('a', { href: `#/configurations/${id}${version ? `/versions/${version}` : ''}` }, words);
}

const provided = (data) => [
  ['Model', alike('model', data.model)],
  ['Provider', alike('provider', data.provider)],
  ['Target', data.target_id],
  ['API format', data.api_format],
  ['Streamed', data.streamed ? 'yes' : 'no'],
  ['Latency', milliseconds(data.latency_ms)],
  ['Of which in the gateway', data.overhead_us == null || !data.attempts?.length ? null : milliseconds(data.overhead_us / 1000)],
  ['Input tokens', data.input_tokens?.toLocaleString()],
  ['Output tokens', data.output_tokens?.toLocaleString()],
  ['Cost', data.cost_usd?.toLocaleString(undefined, { style: 'currency', currency: 'USD', maximumFractionDigits: 6 })],
];

function called(data) {
  const told = [
    ['User', alike('user_id', data.user_id)],
    ['Team', data.team_id],
    ['Agent', alike('agent_id', data.agent_id)],
    ['Session', data.session_id],
    ['Key', data.key_id],
  ].filter(([, value]) => value);
  return told.length ? facts(told) : h('p', { class: 'quiet' }, 'The gateway was not told who asked.');
}

const chained = (data) => [
  ['Instance', h('code', {}, data.instance_id)],
  ['Sequence', data.sequence?.toLocaleString()],
  ['Hash', h('code', {}, data.hash)],
  ['Previous hash', data.prev_hash ? h('code', {}, data.prev_hash) : 'none: the first of its chain'],
];
