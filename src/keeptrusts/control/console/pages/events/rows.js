// One event as a row.

import { h } from '../../dom.js';
import { badge, table, when } from '../../ui.js';

/** A text that may be long: cut where the column ends, whole in its title. */
export const clipped = (text, tag = 'span') => (text ? h(tag, { class: 'clipped', title: text }, text) : '');

export const isGap = (event) => event.event_type === 'gap';

/** `blocked`, or that records are missing. */
export const verdictOf = (event) => badge(isGap(event) ? 'gap' : event.verdict);

/** Why; of a gap, what is missing. */
export const reasonOf = (event) =>
  isGap(event) ? `${event.count} lost: ${event.reason}` : event.reason_code;

/** Milliseconds, as exact as they are worth reading. */
export const milliseconds = (value) =>
  value == null ? '' : `${value.toLocaleString(undefined, { maximumFractionDigits: value < 10 ? 2 : 0 })}\u00a0ms`;

/** `names`: of `names.js`. */
export const eventTable = (events, names, empty) => table('Events, newest first', [
  ['Time', (event) => h('a', { href: `#/events/${event.id}` }, when(event.timestamp))],
  ['Verdict', verdictOf],
  ['Reason', (event) => clipped(reasonOf(event), 'code')],
  ['Gateway', (event) => clipped(names.gateway_id.names.get(event.gateway_id) ?? event.gateway_id ?? event.instance_id)],
  ['Model', (event) => clipped(event.model)],
  ['User', (event) => clipped(event.user_id ?? event.agent_id)],
  ['Latency', (event) => milliseconds(event.latency_ms)],
], events, empty);
