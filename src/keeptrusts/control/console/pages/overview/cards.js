// The figures at the top: what was decided, what waits, and how the fleet is.

import { get, may } from '../../api.js';
import { h } from '../../dom.js';
import { gatewaysOf } from '../events/names.js';
import { WINDOWS } from './windows.js';

const MOST = 200;

/** One figure. `tone` colours what the words say already. */
const card = (words, figure, note, { tone = '', href = null } = {}) =>
  h(href ? 'a' : 'div', { class: 'card', href, 'data-key': words }, h('span', {}, words), h('strong', { class: tone }, figure), h('span', { class: 'quiet' }, note));

const many = (count) => count.toLocaleString();

/** Of what part of the requests; what is not nothing is never shown as nothing. */
export function rate(count, total) {
  if (!total) return '–';
  const least = 0.001;
  const written = Math.max(count / total, count ? least : 0).toLocaleString(undefined, { style: 'percent', maximumFractionDigits: 1 });
  return count && count / total < least ? `< ${written}` : written;
}

export function decisionCards({ total, verdicts }, chosen) {
  const during = `in the last ${WINDOWS[chosen].words.replace(/^1 /, '')}`;
  return [
    card('Requests', many(total), during),
    card('Block rate', rate(verdicts.blocked, total), `${many(verdicts.blocked)} blocked`),
    verdicts.failed ? card('Failed', rate(verdicts.failed, total), `${many(verdicts.failed)} without an answer`) : null,
  ];
}

/** Escalations and gateways, or null for those that the key may not read. */
export function waiting(signal) {
  return Promise.all([may('escalations:read') ? held(signal) : null, may('gateways:read') ? gatewaysOf(signal) : null]);
}

async function held(signal) {
  const states = ['queued', 'claimed'];
  const found = await Promise.all(states.map((state) => get('/v1/escalations', { state, limit: MOST }, signal)));
  const [queued, claimed] = found.map(({ data }) => ({ count: data.data.length, hasMore: data.has_more }));
  return { queued, claimed };
}

export function escalationCard(found) {
  if (!found) return null;
  const { queued, claimed } = found;
  const count = queued.count + claimed.count;
  const figure = `${many(count)}${queued.hasMore || claimed.hasMore ? '+' : ''}`;
  const note = count ? `${queued.count} unclaimed, ${claimed.count} claimed` : 'nothing waits for a person';
  return card('Open escalations', figure, note, { tone: queued.count ? 'warn' : '', href: '#/escalations' });
}

export function fleetCard(found) {
  if (!found) return null;
  const count = (status) => found.list.filter((one) => one.status === status).length;
  const [drifting, offline] = [count('degraded'), count('offline')];
  const known = `${found.hasMore ? 'the newest ' : ''}${many(found.list.length)} ${found.list.length === 1 ? 'gateway' : 'gateways'}`;
  const note = `of ${known}: ${drifting} in drift, ${offline} offline`;
  const tone = offline ? 'bad' : drifting ? 'warn' : '';
  return card('In drift or offline', many(drifting + offline), note, { tone, href: '#/gateways' });
}
