// The newest requests that were blocked.

import { get } from '../../api.js';
import { h } from '../../dom.js';
import { table, when } from '../../ui.js';
import { clipped } from '../events/rows.js';

const SHOWN = 8;

export const blocked = async (signal) => (await get('/v1/events', { verdict: 'blocked', limit: SHOWN }, signal)).data.data;

/** `fleet`: what the gateways are called, or null. */
export const blockedTable = (events, fleet) => table('Newest blocked requests', [
  ['Time', (event) => h('a', { href: `#/events/${event.id}` }, when(event.timestamp))],
  ['Reason', (event) => clipped(event.reason_code, 'code')],
  ['Gateway', (event) => clipped(fleet?.names.get(event.gateway_id) ?? event.gateway_id ?? event.instance_id)],
  ['Model', (event) => clipped(event.model)],
  ['User', (event) => clipped(event.user_id)],
], events, 'No request was blocked so far.');

export const allBlocked = (events) =>
  (events.length ? h('p', {}, h('a', { href: '#/events?verdict=blocked' }, 'All blocked requests')) : null);
