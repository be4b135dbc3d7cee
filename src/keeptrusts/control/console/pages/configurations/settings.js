// What a configuration is called, and by what it is found: no version comes of it.

import { get, may, Problem, send } from '../../api.js';
import { h } from '../../dom.js';
import { field, form } from '../../ui.js';
import { at, say, trail } from './words.js';

/** Controls for name, description and labels. */
export const described = ({ name, description, labels }) => [
  field('Name', h('input', { name: 'name', value: name, required: true, maxlength: 200, spellcheck: 'false' }),
    'Unique in the organisation.'),
  field('Description', h('input', { name: 'description', value: description ?? '', maxlength: 2000 })),
  field('Labels', h('textarea', { name: 'labels', rows: 3, spellcheck: 'false',
    value: Object.entries(labels).map(([key, value]) => `${key}=${value}`).join('\n') }), 'One a line, such as team=payments.'),
];

/** What they hold, as the API takes it. */
export function read({ name, description, labels }) {
  const lines = labels.split('\n').map((line) => line.trim()).filter(Boolean);
  if (lines.some((line) => line.indexOf('=') < 1)) throw new Problem(422, { detail: 'write each label as key=value, on a line of its own' });
  const pairs = lines.map((line) => [line.slice(0, line.indexOf('=')).trim(), line.slice(line.indexOf('=') + 1).trim()]);
  return { name, description: description || null, labels: Object.fromEntries(pairs) };
}

export async function settings(id, { signal }) {
  const { data, etag } = await get(at(id), {}, signal);
  if (!may('configurations:write')) return [trail(data), h('h1', {}, data.name), h('p', {}, 'Your key may read it, and not change it.')];
  const change = async (said) => {
    await send('PATCH', at(data.id), read(said), { etag });
    say('It is changed.');
    location.hash = `#/configurations/${data.id}`;
  };
  return [
    trail(data),
    h('h1', {}, `Name and labels of ${data.name}`),
    data.managed_by === 'terraform'
      ? h('p', { class: 'note' }, 'Terraform manages this configuration, its name and labels too: its next apply takes a change back.') : null,
    form(change, 'Change it', described(data)),
  ];
}
