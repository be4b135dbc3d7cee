// What an escalation says about itself.

import { get, may } from '../../api.js';
import { h } from '../../dom.js';
import { spanOf } from '../../spans.js';
import { short, when } from '../../ui.js';

export const isOpen = (row) => row.state === 'queued' || row.state === 'claimed';

/** Whether there is something to look at still. What was approved is held until it was delivered. */
export const isHeld = (row) => isOpen(row) || (row.outcome === 'approved' && !row.redeemed_at);

/** What became of it, in one word. */
export const stateOf = (row) => (row.state === 'resolved' ? row.outcome : row.state);

/** Until when somebody has to decide. */
export function dueIn(row) {
  const left = new Date(row.due_at) - Date.now();
  const words = left > 0 ? `${spanOf(left)} left` : 'its time is over';
  return h('span', { class: 'nowrap' },
    when(row.due_at), h('br'), h('span', { class: left < 900_000 ? 'bad' : 'quiet' }, words));
}

/** On whose behalf it was asked. */
export const who = (row) => row.user_id ?? row.agent_id ?? row.key_id ?? 'unknown';

/** From a gateway's id to its link, with its name where this key may see it. */
export async function gatewayNames(signal) {
  if (!may('gateways:read')) return (id) => short(id);
  const { data } = await get('/v1/gateways', { limit: 200 }, signal);
  const names = new Map(data.data.map((gateway) => [gateway.id, gateway.name]));
  return (id) => (names.has(id) ? h('a', { href: `#/gateways/${id}` }, names.get(id)) : short(id));
}

/** All of it, as names and values. */
export const factsOf = (row, gateway) => [
  ['Due', isOpen(row) ? dueIn(row) : null],
  ['Policy', row.policy],
  ['Reason', h('span', {}, row.message)],
  ['Reason code', h('code', {}, row.reason_code)],
  ['Held', row.stage === 'input' ? 'the request, before the model sees it' : 'the answer, before the client sees it'],
  ['User', row.user_id],
  ['Agent', row.agent_id],
  ['Key of the client', row.key_id],
  ['Model', row.model],
  ['Gateway', gateway(row.gateway_id)],
  ['Instance', short(row.instance_id, 24)],
  ['Configuration', configuration(row)],
  ['Event', may('events:read') ? h('a', { href: `#/events/${row.event_id}` }, short(row.event_id, 24)) : short(row.event_id, 24)],
  ['Assigned to', row.assignee],
  ['Escalated', when(row.created_at)],
  ['Claimed', row.claimed_by ? [`${row.claimed_by}, `, when(row.claimed_at)] : null],
  ['Decided', row.resolved_by ? [`${row.resolved_by}, `, when(row.resolved_at)] : null],
  ['Reason of the decision', row.reason],
  ['Approval can be used until', row.outcome === 'approved' ? when(row.usable_until) : null],
  ['Approval was used', row.redeemed_at ? when(row.redeemed_at) : null],
  ['Digest of the request', short(row.request_digest, 24)],
  ['Digest of what is held', short(row.held_digest, 24)],
  ['Id', h('code', {}, row.id)],
];

function configuration(row) {
  if (!row.configuration_id) return null;
  const words = [short(row.configuration_id, 24), row.configuration_version ? ` version ${row.configuration_version}` : ''];
  return may('configurations:read') ? h('a', { href: `#/configurations/${row.configuration_id}` }, words) : words;
}
