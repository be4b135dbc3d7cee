// How webhooks and their deliveries are put in words.

import { h } from '../../dom.js';
import { badge, when } from '../../ui.js';

/** Whether it is told, and if not, why. */
export const standing = ({ active, disabled_reason: reason }) =>
  active ? badge('active') : [badge('off'), h('div', { class: reason ? 'bad' : 'quiet' }, reason ?? 'switched off by somebody')];

export const types = (patterns) => patterns.map((one) => h('span', { class: 'label' }, one));

/** What the endpoint said last. */
export function answered({ last_status: status, last_error: error }) {
  const said = [status ? `answered ${status}` : null, error].filter(Boolean).join(': ');
  return said || h('span', { class: 'quiet' }, 'not tried yet');
}

/** What became of a delivery so far, as a sentence. */
export function outcome(told) {
  const tries = told.attempts === 1 ? '1 attempt' : `${told.attempts} attempts`;
  if (told.state === 'delivered') return h('p', { class: 'done' }, `Delivered: the endpoint answered ${told.last_status}, after ${tries}.`);
  if (told.state === 'dead') return h('p', { class: 'problem' }, `Given up after ${tries}: the endpoint `, answered(told), '. Send it again once that is put right.');
  if (!told.attempts) return h('p', { class: 'note' }, 'It waits to be sent.');
  return h('p', { class: 'problem' }, `Not delivered by ${tries}: `, answered(told), '. It is tried again: ', when(told.next_attempt_at), '.');
}
