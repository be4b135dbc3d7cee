// Events as they come in.

import { get, written } from '../../api.js';
import { fill, h } from '../../dom.js';
import { keyed, renew } from '../../renewing.js';
import { problem } from '../../ui.js';
import { eventTable } from './rows.js';

/** So many rows are shown, and so many wait while it is paused; older ones are in the list. */
const MOST = 200;
const BEGIN_WITH = 20;
const DRAWN_EVERY_MS = 250;
const KINDS = ['decision', 'gap'];

/** Follow those that `chosen` names until `signal`. It begins with the newest that are there already. */
export function tail(chosen, names, signal) {
  const parts = { told: h('div', { class: 'quiet', role: 'status' }), count: h('span', { class: 'quiet' }), shown: h('div') };
  const state = { chosen, names, signal, parts, rows: [], waiting: [], came: 0, isPaused: false, timer: null };
  parts.pause = h('button', { type: 'button', onclick: () => toggle(state) }, 'Pause');
  signal.addEventListener('abort', () => {
    clearTimeout(state.timer);
    state.source.close();
  });
  draw(state);
  connect(state);
  return h('div', {}, h('div', { class: 'actions' }, parts.pause, parts.told, parts.count), parts.shown);
}

function connect(state) {
  const { parts, chosen } = state;
  state.source = new EventSource(`/v1/events/stream${written(chosen)}`);
  fill(parts.told, 'Connecting …');
  state.source.addEventListener('open', () => {
    tell(state);
    if (!state.rows.length) begin(state);
  });
  state.source.addEventListener('error', () => lost(state));
  for (const kind of KINDS) state.source.addEventListener(kind, ({ data }) => take(state, JSON.parse(data)));
}

/** The newest of before, beneath what came meanwhile. */
async function begin(state) {
  const { data } = await get('/v1/events', { ...state.chosen, limit: BEGIN_WITH }, state.signal).catch(() => ({ data: { data: [] } }));
  const known = new Set([...state.waiting, ...state.rows].map((event) => event.id));
  state.rows.push(...data.data.filter((event) => !known.has(event.id)));
  draw(state);
}

function take(state, event) {
  state.came += 1;
  state.waiting.unshift(event);
  state.waiting.length = Math.min(state.waiting.length, MOST);
  if (state.isPaused) return count(state);
  state.timer ??= setTimeout(() => draw(state), DRAWN_EVERY_MS);
  return undefined;
}

function draw(state) {
  const { parts, names } = state;
  clearTimeout(state.timer);
  state.timer = null;
  if (state.isPaused) return;
  state.rows = [...state.waiting, ...state.rows].slice(0, MOST);
  state.waiting = [];
  const wasWithin = parts.shown.contains(document.activeElement);
  renew(parts.shown, keyed(eventTable(state.rows, names, 'Waiting for the next event.'), state.rows, (event) => event.id));
  // the row that had the focus may have been the oldest
  if (wasWithin && !parts.shown.contains(document.activeElement)) parts.shown.querySelector('[tabindex]')?.focus();
  count(state);
}

function count({ parts, isPaused, waiting, rows, came }) {
  const fresh = waiting.length >= MOST ? `${MOST} or more` : String(waiting.length);
  const all = `${came.toLocaleString()} came in${rows.length >= MOST ? `; the newest ${MOST} are shown` : ''}`;
  fill(parts.count, isPaused ? `${fresh} new since the pause` : all);
}

function toggle(state) {
  state.isPaused = !state.isPaused;
  fill(state.parts.pause, state.isPaused ? 'Resume' : 'Pause');
  tell(state);
  if (state.isPaused) count(state);
  else draw(state);
}

const tell = ({ parts, isPaused }) =>
  fill(parts.told, isPaused ? 'Paused: what comes in waits.' : 'Following: what comes in stands at the top.');

/** The browser tries again by itself, from where it was; what was refused has a reason, and ends here. */
async function lost(state) {
  const { parts, source, chosen, signal } = state;
  if (signal.aborted) return;
  if (source.readyState !== EventSource.CLOSED) {
    fill(parts.told, 'The connection was lost. Trying again …');
    return;
  }
  const again = h('button', { type: 'button', onclick: () => connect(state) }, 'Connect again');
  try {
    await get('/v1/events', { ...chosen, limit: 1 }, signal);
    fill(parts.told, 'The connection has ended. ', again);
  } catch (failed) {
    if (failed.name !== 'AbortError') fill(parts.told, problem(failed), again);
  }
}
