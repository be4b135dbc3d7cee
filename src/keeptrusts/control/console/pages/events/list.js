// The list of events, its filters, and what comes in live.

import { get, written } from '../../api.js';
import { fill, h } from '../../dom.js';
import { list } from '../../renewing.js';
import { problem } from '../../ui.js';
import { chosenOf, filterForm } from './filters.js';
import { namesOf } from './names.js';
import { eventTable } from './rows.js';
import { tail } from './tail.js';

const NONE = 'No event matches. Clear the filters, or send a request through a gateway.';

export async function events(query, signal) {
  const here = { chosen: chosenOf(query), isLive: query.has('live'), names: await namesOf(signal), results: h('div'), signal };
  // what was on its way for other filters is given up, and a tail of them closed
  let others = new AbortController();
  const show = () => {
    others.abort();
    others = new AbortController();
    return results({ ...here, signal: AbortSignal.any([signal, others.signal]) });
  };
  const change = (changed) => {
    Object.assign(here, changed);
    history.pushState(null, '', `#/events${written({ ...here.chosen, live: here.isLive ? 1 : '' })}`);
    return show();
  };
  await show();
  return [
    h('h1', {}, 'Events'),
    filterForm(here.chosen, here.names, (chosen) => change({ chosen })),
    views(here.isLive, (isLive) => change({ isLive })),
    here.results,
  ];
}

const views = (isLive, choose) =>
  h('fieldset', { class: 'segments', onchange: (event) => choose(event.target.value === 'live') },
    h('legend', { class: 'hidden' }, 'View'),
    [['list', 'List', !isLive], ['live', 'Live', isLive]].map(([value, words, checked]) =>
      h('label', {}, h('input', { type: 'radio', name: 'view', value, checked }), words)));

async function results({ chosen, isLive, names, results: area, signal }) {
  if (isLive) return fill(area, tail(chosen, names, signal));
  const told = h('p', { class: 'quiet', role: 'status' });
  const load = async (cursor, limit) => (await get('/v1/events', { ...chosen, cursor, limit }, signal)).data;
  const shown = list(load, (rows) => {
    told.textContent = rows.length ? `${rows.length.toLocaleString()} ${rows.length === 1 ? 'event' : 'events'} shown, newest first.` : '';
    return eventTable(rows, names, NONE);
  });
  fill(area, told);
  try {
    await shown.begun();
    return area.append(shown.element);
  } catch (failed) {
    return failed.name === 'AbortError' ? undefined : area.append(problem(failed));
  }
}
