// How gateways and their instances are put in words.

import { h } from '../../dom.js';
import { badge } from '../../ui.js';

const SPANS = [[86_400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];

/** How long ago; the exact time is in the title. */
export function ago(moment) {
  if (!moment) return h('span', { class: 'quiet' }, 'never');
  const seconds = Math.max(0, Math.round((Date.now() - new Date(moment)) / 1000));
  const [length, unit] = SPANS.find(([least]) => seconds >= least) ?? SPANS.at(-1);
  return h('time', { datetime: moment, title: moment }, `${Math.floor(seconds / length)} ${unit} ago`);
}

const WORDS = { never_seen: 'never seen', in_sync: 'in sync', stale: 'stale: drift' };

/** A state, in the tone it has everywhere. */
export function state(word) {
  const shown = badge(word);
  shown.textContent = WORDS[word] ?? word;
  return shown;
}

const PROBLEMS = [
  ['stale', 'drift: {} does not run it', 'drift: {} do not run it', 'warn'],
  ['degraded', '{} degraded', '{} degraded', 'warn'],
  ['error', '{} with an error', '{} with errors', 'bad'],
];

/** How many instances run what they are to run, and what is wrong with the others. */
export function standing({ instances, stable }) {
  if (!instances.length) return h('span', { class: 'quiet' }, 'none yet');
  const runIt = instances.filter((one) => one.desired_digest && one.active_digest === one.desired_digest).length;
  const wrong = PROBLEMS.map(([name, one, many, tone]) => {
    const count = instances.filter((instance) => instance.state === name).length;
    return count ? h('div', { class: tone }, (count === 1 ? one : many).replace('{}', count)) : null;
  });
  return h('div', { class: 'standing' },
    `${runIt} of ${instances.length} run it`, wrong, stable ? h('div', { class: 'warn' }, 'canary under way') : null);
}

/** `key=value`, each by itself. */
export const labels = (pairs) =>
  Object.entries(pairs).sort().map(([key, value]) => h('span', { class: 'label' }, `${key}=${value}`));
