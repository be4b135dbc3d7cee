// All configurations, newest first.

import { get, may } from '../../api.js';
import { h } from '../../dom.js';
import { list as growing, keyed } from '../../renewing.js';
import { done, field, short, table, when } from '../../ui.js';
import { heard, labelled, owner } from './words.js';

const COLUMNS = [
  ['Name', (row) => h('a', { href: `#/configurations/${row.id}` }, row.name)],
  ['Version', (row) => row.version],
  ['Digest', (row) => short(row.content_digest)],
  ['Managed by', (row) => owner(row.managed_by)],
  ['Labels', (row) => labelled(row.labels)],
  ['Changed', (row) => when(row.updated_at)],
];

export async function list({ query, signal }) {
  const wanted = query.get('q') ?? '';
  const empty = wanted
    ? 'No name has this in it. Clear the filter to see all.'
    : 'There is none yet. A configuration is a policy document that gateways follow: make one here, with `kt config push` or with Terraform.';
  const words = heard();
  const rows = growing(
    async (cursor, limit) => (await get('/v1/configurations', { q: wanted, cursor, limit }, signal)).data,
    (all) => keyed(table('Configurations', COLUMNS, all, empty), all, (one) => one.id));
  await rows.begun();
  return [
    h('h1', {}, 'Configurations'),
    words ? done(words) : null,
    h('p', { class: 'quiet' }, 'Policy documents. Every change is a version that is kept; gateways follow the newest, or the one they are pinned to.'),
    may('configurations:write')
      ? h('div', { class: 'actions' }, h('a', { class: 'button primary', href: '#/configurations/new' }, 'New configuration')) : null,
    filter(wanted),
    rows.element,
  ];
}

/** The filter is part of the address, so that it can be sent to others and found again with "back". */
function filter(wanted) {
  const control = h('input', { name: 'q', type: 'search', value: wanted, maxlength: 200, spellcheck: 'false' });
  const find = (event) => {
    event.preventDefault();
    location.hash = control.value ? `#/configurations?${new URLSearchParams({ q: control.value })}` : '#/configurations';
  };
  return h('form', { class: 'filters', role: 'search', onsubmit: find },
    field('Part of the name', control),
    h('button', { type: 'submit' }, 'Filter'));
}
