// What happened lately, and what waits for somebody.

import { fill, h } from '../dom.js';
import { keyed, renew, whileVisible } from '../renewing.js';
import { problem, when } from '../ui.js';
import { decisionCards, escalationCard, fleetCard, waiting } from './overview/cards.js';
import { chart } from './overview/chart.js';
import { counted, spansOf } from './overview/counts.js';
import { allBlocked, blocked, blockedTable } from './overview/newest.js';
import { WINDOWS, bounds } from './overview/windows.js';

const EVERY_S = 30;

export async function show({ query, signal }) {
  const here = { chosen: Object.hasOwn(WINDOWS, query.get('window') ?? '') ? query.get('window') : '24h', kept: new Map(), signal };
  const shown = { cards: h('div', { class: 'cards' }), chart: chart(signal), blocked: h('div'), told: h('p', { class: 'told' }) };
  const again = () => refresh(here, shown);
  await again();
  return [
    h('h1', {}, 'Overview'),
    h('div', { class: 'filters' }, windowChoice(here, shown.told, again), refreshing(again, signal), shown.told),
    shown.cards,
    h('h2', {}, 'Decisions over time'),
    shown.chart.element,
    h('h2', {}, 'Newest blocked requests'),
    shown.blocked,
  ];
}

/** Read all and show it. What was asked before another window was chosen comes too late, and is not shown. */
async function refresh(here, shown) {
  const { chosen } = here;
  try {
    const found = await read(here);
    if (chosen !== here.chosen || here.signal.aborted) return;
    renew(shown.cards, decisionCards(found.total, chosen), escalationCard(found.held), fleetCard(found.fleet));
    shown.chart.draw(found.spans);
    renew(shown.blocked, keyed(blockedTable(found.newest, found.fleet), found.newest, (event) => event.id), allBlocked(found.newest));
    fill(shown.told, 'As of ', when(new Date().toISOString()));
  } catch (failed) {
    if (failed.name !== 'AbortError') fill(shown.told, problem(failed));
  }
}

async function read({ chosen, kept, signal }) {
  const now = new Date();
  const since = new Date(now - WINDOWS[chosen].lasts_ms).toISOString();
  const [total, spans, newest, [held, fleet]] = await Promise.all([
    counted({ since }, signal), spansOf(bounds(chosen, now), kept, signal), blocked(signal), waiting(signal),
  ]);
  return { total, spans, newest, held, fleet };
}

/** Choosing one stays in the address, and does not leave the page. */
function windowChoice(here, told, again) {
  const choose = (event) => {
    here.chosen = event.target.value;
    here.kept.clear();
    history.replaceState(null, '', `#/overview?window=${here.chosen}`);
    fill(told, 'Reading …');
    again();
  };
  return h('fieldset', { class: 'segments', onchange: choose }, h('legend', { class: 'hidden' }, 'Window'),
    Object.entries(WINDOWS).map(([name, { words }]) => h('label', {},
      h('input', { type: 'radio', name: 'window', value: name, checked: name === here.chosen }), words)));
}

/** Again and again while somebody can see it, until they leave or do not want it. */
function refreshing(again, signal) {
  const wanted = h('input', { type: 'checkbox', checked: true });
  whileVisible(EVERY_S, signal, () => (wanted.checked ? again() : undefined));
  return h('label', { class: 'inline' }, wanted, `Refresh every ${EVERY_S} seconds`);
}
