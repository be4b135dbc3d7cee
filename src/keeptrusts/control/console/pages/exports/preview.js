// The first rows of what an export would hold.

import { h } from '../../dom.js';
import { badge, short, table, when } from '../../ui.js';

const COLUMNS = {
  events: [
    ['When', (row) => when(row.timestamp)],
    ['Verdict', (row) => badge(row.verdict)],
    ['Reason code', (row) => row.reason_code ?? ''],
    ['Model', (row) => row.model ?? ''],
    ['User', (row) => row.user_id ?? ''],
    ['Gateway', (row) => short(row.gateway_id)],
    ['Event', (row) => short(row.id)],
  ],
  escalations: [
    ['When', (row) => when(row.created_at)],
    ['State', (row) => badge(row.outcome ?? row.state)],
    ['Policy', (row) => row.policy],
    ['Reason code', (row) => row.reason_code],
    ['User', (row) => row.user_id ?? ''],
    ['Escalation', (row) => short(row.id)],
  ],
  'audit-log': [
    ['When', (row) => when(row.at)],
    ['Action', (row) => row.action],
    ['Actor', (row) => short(row.actor)],
    ['Object', (row) => short(row.object_id)],
    ['Address', (row) => row.ip ?? ''],
  ],
};

export const previewed = (type, page) => h('section', { 'aria-label': 'Preview' },
  h('h2', {}, 'Preview'),
  h('p', { role: 'status' }, said(page)),
  page.data.length ? table('First rows', COLUMNS[type], page.data, '') : null);

function said({ data, has_more: more }) {
  if (!data.length) return 'No row is like this now: the archive would be empty.';
  if (more) return `The first ${data.length} rows, and there are more. The archive has all fields of them.`;
  return `${data.length === 1 ? '1 row' : `${data.length} rows`}, and no more. The archive has all fields of them.`;
}
