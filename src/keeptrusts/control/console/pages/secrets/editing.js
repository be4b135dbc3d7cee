// A new secret, and another value, other hosts or another description of one.

import { trail } from '../../acting.js';
import { get, send } from '../../api.js';
import { h } from '../../dom.js';
import { facts, field, form, when } from '../../ui.js';
import { hostsField, hostsOf } from './hosts.js';

const back = () => trail(['#/secrets', 'Secrets']);

const value = (hint, attributes = {}) => field('Value', h('input', {
  name: 'value', type: 'password', autocomplete: 'new-password', spellcheck: 'false', maxlength: 16_384, ...attributes,
}), hint);

const description = (text) => field('Description', h('input', { name: 'description', maxlength: 2000, value: text ?? '' }));

export const making = (place, leave) => [
  back(),
  h('h1', {}, 'New secret'),
  form(async (said) => {
    await send('POST', '/v1/config-variables', {
      name: said.name.trim(), value: said.value, description: said.description.trim() || null, allowed_hosts: hostsOf(said.hosts),
    });
    leave(`The secret “${said.name.trim()}” is kept. Configurations name it as secret_key_ref: {store: ${said.name.trim()}}.`);
  }, 'Keep the secret',
  field('Name', h('input', { name: 'name', required: true, maxlength: 200, autocomplete: 'off', spellcheck: 'false' }),
    'Letters, digits, “_”, “-” and “.”, as in OPENAI_API_KEY.'),
  value('It is encrypted, and nobody can read it here again.', { required: true }),
  description(null),
  hostsField(null)),
];

export async function changing(id, { signal }, leave) {
  const path = `/v1/config-variables/${encodeURIComponent(id)}`;
  const { data: one, etag } = await get(path, {}, signal);
  return [
    back(),
    h('h1', { class: 'wrap' }, `Secret ${one.name}`),
    facts([
      ['In a configuration', h('code', {}, `secret_key_ref: {store: ${one.name}}`)],
      ['Version of the value', String(one.version)],
      ['Made', when(one.created_at)],
      ['Changed', when(one.updated_at)],
      ['Changed by the key', h('code', {}, one.updated_by)],
    ]),
    form(async (said) => {
      const changed = changes(one, said);
      if (!Object.keys(changed).length) return leave(`Nothing of the secret “${one.name}” was changed.`);
      await send('PATCH', path, changed, { etag });
      return leave(`The secret “${one.name}” is changed. ${'value' in changed ? 'Gateways that run have the new value within seconds.' : ''}`);
    }, 'Save',
    value('Left empty, the value stays as it is.'),
    description(one.description),
    hostsField(one.allowed_hosts)),
  ];
}

/** What differs from what was read. */
function changes(one, said) {
  const about = said.description.trim() || null;
  const hosts = hostsOf(said.hosts);
  return {
    ...(said.value ? { value: said.value } : {}),
    ...(about === one.description ? {} : { description: about }),
    ...(String(hosts) === String(one.allowed_hosts) ? {} : { allowed_hosts: hosts }),
  };
}
