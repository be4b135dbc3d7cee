// What happened in the last day.

import { get } from '../api.js';
import { h } from '../dom.js';
import { badge, table } from '../ui.js';

export async function show({ signal }) {
  const { data } = await get('/v1/events/stats', {}, signal);
  const rows = Object.entries(data.verdicts);
  return [
    h('h1', {}, 'Overview'),
    h('h2', {}, 'Decisions of the last 24 hours'),
    table('Decisions by verdict', [['Verdict', ([verdict]) => badge(verdict)], ['Decisions', ([, count]) => count]], rows,
      'Nothing was decided yet.'),
  ];
}
