// A new key: for whom, what it may do, and until when.

import { trail } from '../../acting.js';
import { may, send } from '../../api.js';
import { shownOnce } from '../../copying.js';
import { fill, h } from '../../dom.js';
import { choice, field, form } from '../../ui.js';
import { ROLES, SCOPES_OF } from './roles.js';

const DAY = 86_400;
const LIFETIMES = [
  [DAY, 'in a day'], [7 * DAY, 'in 7 days'], [30 * DAY, 'in 30 days'], [90 * DAY, 'in 90 days'], [365 * DAY, 'in a year'],
  ['', 'never'],
];

export function making() {
  const shown = h('div');
  const role = choice({ name: 'role' }, ROLES, 'viewer');
  const scopes = h('div');
  const follow = () => fill(scopes, boxes(role.value));
  role.addEventListener('change', follow);
  follow();
  const made = form(async ({ name, lasts }) => {
    const chosen = new FormData(made).getAll('scopes');
    const { data } = await send('POST', '/v1/tokens', {
      name: name.trim(), role: role.value, scopes: chosen, expires_in: lasts ? Number(lasts) : null,
    });
    fill(shown, given(data));
    shown.querySelector('button').focus();
  }, 'Make the key',
  field('Name', h('input', { name: 'name', required: true, maxlength: 200, autocomplete: 'off' }),
    'Who or what uses it, as in “deploy pipeline”. The audit log and escalations show it.'),
  field('Role', role),
  h('fieldset', { class: 'options' }, h('legend', {}, 'Scopes'),
    h('p', { class: 'hint' }, 'None ticked: everything the role may do. Scopes can only narrow it.'), scopes),
  field('It ends', choice({ name: 'lasts' }, LIFETIMES.map(([value, words]) => [String(value), words]), String(90 * DAY))));
  fill(shown, made);
  return [
    trail(['#/keys', 'Keys']),
    h('h1', {}, 'New key'),
    h('p', { class: 'quiet' }, 'Gateways have tokens of their own, which are made on the page of the gateway.'),
    shown,
  ];
}

/** What the role may do, as far as this key may hand it out. */
const boxes = (role) => [...SCOPES_OF[role]].sort().filter(may).map((scope) => h('label', { class: 'option' },
  h('input', { type: 'checkbox', name: 'scopes', value: scope }), ' ', h('code', {}, scope)));

/** A key that was made; its secret is in this answer and nowhere else. */
export const given = (key) => [
  shownOnce(`Key of “${key.name}”`, key.key,
    h('p', { class: 'hint' }, 'Programs take it as ', h('code', {}, 'KEEPTRUSTS_API_TOKEN'),
      ', and people sign in to the console with it.')),
  h('p', {}, h('a', { href: '#/keys' }, 'Back to all keys')),
];
