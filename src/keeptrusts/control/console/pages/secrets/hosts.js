// Where a secret may be sent.

import { h } from '../../dom.js';
import { field } from '../../ui.js';

/** The hosts of one, for people. */
export const destinations = (one) => (one.allowed_hosts
  ? one.allowed_hosts.map((host) => h('div', {}, h('code', { class: 'wrap' }, host)))
  : h('span', { class: 'quiet' }, 'known providers'));

/** Their control: one in each line. */
export const hostsField = (hosts) => field('Allowed hosts',
  h('textarea', { name: 'hosts', rows: 3, spellcheck: 'false', value: (hosts ?? []).join('\n') }),
  'One in each line: a host for https, or host:port for that port alone. Left empty, it goes to known providers alone.');

/** What the control says; null: known providers. */
export function hostsOf(text) {
  const hosts = text.split(/[\s,]+/).filter(Boolean);
  return hosts.length ? hosts : null;
}
