// What a document would have said of recorded traffic, when somebody asks.

import { may, send } from '../../api.js';
import { fill, h } from '../../dom.js';
import { busy, choice, field } from '../../ui.js';
import { at } from './words.js';

const WINDOWS = [['24h', 'the last 24 hours'], ['7d', 'the last 7 days'], ['30d', 'the last 30 days']];
const MOVED = [['newly_blocked', 'blocked'], ['newly_escalated', 'escalated'], ['newly_redacted', 'redacted'], ['newly_allowed', 'allowed']];

/** A section with a button; nothing for who may not read events. `text()` gives the document. */
export function simulating(id, text, signal) {
  if (!may('events:read')) return null;
  const span = choice({}, WINDOWS, '24h');
  const shown = h('div', { role: 'status' });
  const button = h('button', { type: 'button' }, 'Judge it again');
  button.addEventListener('click', () => busy(button, async () => {
    fill(shown);
    const { data } = await send('POST', at(id, 'simulate'), { policy_yaml: text(), window: span.value }, { signal });
    fill(shown, impact(data));
  }));
  return h('section', { 'aria-label': 'Recorded traffic' },
    h('h2', {}, 'Recorded traffic'),
    h('p', { class: 'quiet' }, 'Judges the newest 500 recorded decisions again, by the document as it stands above. Nothing is stored.'),
    h('div', { class: 'filters' }, field('Decisions of', span), button),
    shown);
}

function impact(found) {
  if (!found.events) return h('p', {}, 'No decision of this configuration was recorded in this time.');
  const moved = MOVED.filter(([name]) => found[name].count);
  return [
    h('p', {}, `Of ${found.events} decisions ${found.replayed} could be judged again; ${found.unchanged} stay as they were.`),
    moved.length ? h('ul', {}, moved.map(([name, word]) => h('li', {}, became(found[name], word)))) : null,
    found.not_replayed.length ? h('ul', { class: 'quiet' }, found.not_replayed.map((one) =>
      h('li', {}, `${one.count} could not be judged: ${one.description}`))) : null,
  ];
}

function became({ count, sample_event_ids: events, reason_codes: reasons }, word) {
  const why = Object.entries(reasons).map(([reason, often]) => `${reason} ${often}`).join(', ');
  return [
    h('strong', {}, `${count} would be ${word}`), why ? ` (${why})` : '', ', such as ',
    events.slice(0, 5).map((event, index) => [index ? ', ' : '', h('a', { href: `#/events/${event}`, target: '_blank' }, event)]),
  ];
}
