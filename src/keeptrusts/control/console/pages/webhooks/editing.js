// Making a webhook, and changing one.

import { trail, turnInto } from '../../acting.js';
import { get, send } from '../../api.js';
import { shownOnce } from '../../copying.js';
import { fill, h } from '../../dom.js';
import { choice, done, field, form } from '../../ui.js';
import { readHeaders } from './header_text.js';
import { chosenTypes, typeFields } from './types.js';

const ALL = ['#/webhooks', 'Webhooks'];
const NEW = { url: '', description: '', event_types: [], active: true, format: '', header_names: [] };
const FORMATS = [['', 'guess it from the URL'], ['standard', 'standard: type, timestamp, data'], ['slack', 'slack: a text'], ['cloudevents', 'CloudEvents 1.0']];

export function newWebhook() {
  const page = h('div');
  const secret = field('Secret', h('input', { name: 'secret', autocomplete: 'off', spellcheck: 'false', maxlength: 200 }),
    'Empty: one is made, and shown once. Your own is whsec_ and 24 to 64 bytes in base64.');
  return fill(page,
    trail(ALL),
    h('h1', {}, 'New webhook'),
    form(async (values, button) => {
      const wanted = { ...written(values, button.form), headers: readHeaders(values.headers), secret: values.secret || null };
      const { data } = await send('POST', '/v1/webhooks', wanted);
      arrived(page, data);
    }, 'Make the webhook', controls(NEW), headerField(), secret));
}

function arrived(page, webhook) {
  const heading = h('h1', {}, 'The webhook is ready');
  const checked = h('p', {}, 'With it the receiver checks the webhook-signature of each message, as Standard Webhooks 1.0 says.');
  turnInto(page, heading,
    trail(ALL),
    heading,
    done(`${webhook.url} is told from now on.`),
    webhook.secret ? shownOnce('Secret', webhook.secret, checked) : checked,
    h('p', {}, h('a', { class: 'button', href: `#/webhooks/${webhook.id}` }, 'To the webhook, to send a test')));
}

export async function changeWebhook({ rest: [id], signal }) {
  const path = `/v1/webhooks/${encodeURIComponent(id)}`;
  const { data, etag } = await get(path, {}, signal);
  return [
    trail(ALL, [`#/webhooks/${id}`, data.url]),
    h('h1', {}, 'Change the webhook'),
    form(async (values, button) => {
      const headers = values.replace ? { headers: readHeaders(values.headers) } : {};
      await send('PATCH', path, { ...written(values, button.form), ...headers }, { etag });
      location.hash = `#/webhooks/${id}?saved=1`;
    }, 'Save', controls(data), replacedHeaders(data.header_names)),
    h('p', {}, h('a', { href: `#/webhooks/${id}` }, 'Back without saving')),
  ];
}

const written = (values, shown) => ({
  url: values.url,
  description: values.description || null,
  event_types: chosenTypes(shown),
  active: Boolean(values.active),
  format: values.format || null,
});

function controls(webhook) {
  return [
    field('URL', h('input', { name: 'url', type: 'url', value: webhook.url, required: true, maxlength: 2048, autocomplete: 'off' }),
      'It is sent messages by POST. It begins with https://; kt dev takes http:// of this machine, too.'),
    field('Description', h('textarea', { name: 'description', rows: 2, maxlength: 2000, value: webhook.description ?? '' })),
    typeFields(webhook.event_types),
    field('Format', choice({ name: 'format' }, FORMATS, webhook.format)),
    h('div', { class: 'field' }, h('label', { class: 'inline' },
      h('input', { type: 'checkbox', name: 'active', checked: webhook.active }), 'Active')),
  ];
}

const headerField = (attributes = {}, hint = 'Name: value, one a line. The values are never shown again.') =>
  field('Headers', h('textarea', { name: 'headers', rows: 2, spellcheck: 'false', autocomplete: 'off', ...attributes }), hint);

/** Their values cannot be read, so they are kept as they are or all given anew. */
function replacedHeaders(names) {
  if (!names.length) return [h('input', { type: 'hidden', name: 'replace', value: '1' }), headerField()];
  const given = headerField({ disabled: true }, 'All of them, Name: value, one a line; empty: none.');
  const replace = h('input', { type: 'checkbox', name: 'replace', onchange: () => {
    given.querySelector('textarea').disabled = !replace.checked;
  } });
  return [h('div', { class: 'field' }, h('label', { class: 'inline' }, replace, `Replace the headers (${names.join(', ')})`)), given];
}
