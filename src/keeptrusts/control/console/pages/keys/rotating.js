// A new secret for a key: the old one goes on for a while beside it.

import { trail } from '../../acting.js';
import { get, send, who } from '../../api.js';
import { fill, h } from '../../dom.js';
import { choice, done, facts, field, form, when } from '../../ui.js';
import { given } from './making.js';

const HOUR = 3600;
const OVERLAPS = [
  [0, 'ends at once'], [HOUR, 'goes on for an hour'], [24 * HOUR, 'goes on for a day'], [7 * 24 * HOUR, 'goes on for 7 days'],
  [30 * 24 * HOUR, 'goes on for 30 days'],
];

export async function rotating(id, { signal }) {
  const path = `/v1/tokens/${encodeURIComponent(id)}`;
  const { data: key } = await get(path, {}, signal);
  const shown = h('div');
  fill(shown, form(async ({ overlap }) => {
    const { data } = await send('POST', `${path}/rotate`, { overlap: Number(overlap) });
    const words = OVERLAPS.find(([length]) => length === Number(overlap))[1];
    fill(shown, done(`There is a new key. The old one, ${key.prefix}, ${words}.`), given(data));
    shown.querySelector('button').focus();
  }, 'Rotate',
  field('The old key', choice({ name: 'overlap' }, OVERLAPS.map(([length, words]) => [String(length), words]), String(24 * HOUR)),
    'Long enough to put the new one everywhere the old one is used.')));
  return [
    trail(['#/keys', 'Keys']),
    h('h1', {}, 'Rotate a key'),
    facts([['Name', key.name], ['Role', key.role], ['Begins with', h('code', {}, key.prefix)], ['Ends', when(key.expires_at)]]),
    key.id === who().key_id
      ? h('p', { class: 'note' }, 'You are signed in with this key, and signed out when it ends. Sign in with the new one then.')
      : null,
    shown,
  ];
}
