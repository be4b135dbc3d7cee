// One export: what it covers, how far it is, and its archive.

import { trail } from '../../acting.js';
import { get } from '../../api.js';
import { fill, h } from '../../dom.js';
import { renew, whileVisible } from '../../renewing.js';
import { badge, done, facts, problem, when } from '../../ui.js';
import { CONTENTS, FORMATS, TYPES, mayRead, wordOf } from './choices.js';
import { counted, download, fileOf, isUnderWay, progress, sizeOf } from './facts.js';

export async function one(id, { query, signal }) {
  const path = `/v1/exports/jobs/${encodeURIComponent(id)}`;
  const said = h('div', {}, query.has('made') ? done('The export was asked for. You can leave this page meanwhile.') : null);
  const shown = h('div');
  let { data: row } = await get(path, {}, signal);
  fill(shown, drawn(row));
  whileVisible(2, signal, async () => {
    if (!isUnderWay(row)) return;
    try {
      ({ data: row } = await get(path, {}, signal));
    } catch (failed) {
      if (failed.name !== 'AbortError') fill(said, problem(failed));
      return;
    }
    renew(shown, drawn(row));
    if (row.state === 'completed') fill(said, done('The archive is complete.'));
  });
  return [
    trail(['#/exports', 'Exports']),
    h('h1', {}, `Export of ${wordOf(TYPES, row.type).toLowerCase()}`),
    said, shown,
  ];
}

const drawn = (row) => [
  h('p', {}, badge(row.state), ' ', progress(row)),
  row.error ? h('div', { class: 'problem' }, h('p', {}, `It failed: ${row.error}`),
    h('p', {}, h('a', { href: again(row) }, 'Make it again'))) : null,
  row.state === 'expired' ? h('p', { class: 'note' }, 'The archive was kept for its time and is gone. ',
    h('a', { href: again(row) }, 'Make it again')) : null,
  facts([
    ['Format', wordOf(FORMATS, row.format)],
    ['From', when(row.window_from)],
    ['Until', when(row.window_to)],
    ['Filters', Object.entries(row.filters).map(([name, value]) => h('div', {}, `${name}: ${value}`))],
    ['Texts', row.content ? wordOf(CONTENTS, row.content) : null],
    ['Rows', row.rows_total == null ? null : counted(row.rows_total)],
    ['Size', sizeOf(row.size_bytes)],
    ['Asked for', when(row.created_at)],
    ['Completed', row.completed_at ? when(row.completed_at) : null],
    ['Kept until', row.expires_at ? when(row.expires_at) : null],
    ['Id', h('code', {}, row.id)],
  ].filter(([, value]) => !Array.isArray(value) || value.length)),
  row.state === 'completed' ? archive(row) : null,
];

/** The same questions once more. */
const again = (row) => `#/exports/new?${new URLSearchParams({
  type: row.type, format: row.format, from: row.window_from, to: row.window_to, ...row.filters,
  ...(row.content ? { content: row.content } : {}),
})}`;

function archive(row) {
  if (!mayRead(row.type)) return h('p', { class: 'note' }, 'Your key may not read what this archive holds.');
  return [
    h('h2', {}, 'Archive'),
    h('div', { class: 'actions' }, download(row, { class: 'button primary' }),
      h('a', { href: `/v1/exports/jobs/${row.id}/manifest`, download: `${fileOf(row)}.manifest.json` }, 'Download the manifest')),
    h('p', { class: 'quiet' }, 'The manifest names the window, the filters, the digest and the chains of events it covers.'),
    facts([['SHA-256', h('code', {}, row.sha256)]]),
    h('p', {}, 'To check what arrived:'),
    h('pre', { tabindex: 0, role: 'region', 'aria-label': 'How to check it' },
      `echo '${row.sha256}  ${fileOf(row)}' | sha256sum --check`),
    provable(row) ? [
      h('p', {}, 'To prove that no record was changed or taken out, with both files in one folder:'),
      h('pre', { tabindex: 0, role: 'region', 'aria-label': 'How to prove it' }, `kt events verify ${fileOf(row)}`),
    ] : null,
  ];
}

/** What `kt events verify` reads. */
const provable = ({ type, format }) => type === 'events' && ['json', 'jsonl'].includes(format);
