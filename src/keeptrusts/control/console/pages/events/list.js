// The list of events, its filters, and the way to what comes in live.

import { get, written } from '../../api.js';
import { fill, h } from '../../dom.js';
import { list } from '../../renewing.js';
import { problem } from '../../ui.js';
import { chosenOf, filterForm } from './filters.js';
import { namesOf } from './names.js';
import { eventTable } from './rows.js';

const NONE = 'No event matches. Clear the filters, or send a request through a gateway.';

export async function events(query, signal) {
  const names = await namesOf(signal);
  const told = h('p', { class: 'quiet', role: 'status' });
  const results = h('div');
  const show = (chosen) => found({ chosen, names, told, results, signal });
  const apply = async (chosen) => {
    history.pushState(null, '', `#/events${written(chosen)}`);
    await show(chosen);
  };
  const chosen = chosenOf(query);
  await show(chosen);
  return [h('h1', {}, 'Events'), filterForm(chosen, names, apply), told, results];
}

async function found({ chosen, names, told, results, signal }) {
  const load = async (cursor, limit) => (await get('/v1/events', { ...chosen, cursor, limit }, signal)).data;
  const shown = list(load, (rows) => {
    told.textContent = rows.length ? `${rows.length.toLocaleString()} events shown, newest first.` : '';
    return eventTable(rows, names, NONE);
  });
  try {
    await shown.begun();
    fill(results, shown.element);
  } catch (failed) {
    told.textContent = '';
    fill(results, problem(failed));
  }
}
