// One configuration: what it is, what it says, who runs it.

import { get, may, send } from '../../api.js';
import { fill, h } from '../../dom.js';
import { busy, done, facts, short, sure, when } from '../../ui.js';
import { users } from './users.js';
import { authors, heard, labelled, numbered, owner, say } from './words.js';

export async function one(id, { signal }) {
  const page = h('div');
  const draw = async (words) => {
    const found = await get(`/v1/configurations/${encodeURIComponent(id)}`, {}, signal);
    const [nameOf, ran] = await Promise.all([authors(signal), users(found.data, signal)]);
    fill(page, content(found, { nameOf, ran, words, draw }));
    page.querySelector('.done')?.focus();
  };
  await draw(heard());
  return page;
}

function content({ data, etag }, { nameOf, ran, words }) {
  return [
    h('p', { class: 'trail' }, h('a', { href: '#/configurations' }, 'Configurations')),
    h('h1', {}, data.name),
    words ? done(words) : null,
    data.description ? h('p', {}, data.description) : null,
    actions(data, etag),
    facts([
      ['Version', String(data.version)],
      ['Managed by', owner(data.managed_by)],
      ['Changed', when(data.updated_at)],
      ['Changed by', nameOf(data.updated_by)],
      ['Made', when(data.created_at)],
      ['Policies, in order', data.policy_kinds.join(', ')],
      ['Labels', Object.keys(data.labels).length ? labelled(data.labels) : null],
      ['Digest', short(data.content_digest)],
      ['Id', h('code', {}, data.id)],
    ]),
    h('h2', {}, 'Who runs it'),
    ran,
    h('h2', {}, `The document, version ${data.version}`),
    numbered(data.policy_yaml, `The document of version ${data.version}`),
  ];
}

function actions(data, etag) {
  if (!may('configurations:write')) return null;
  const remove = h('button', { type: 'button', class: 'danger' }, 'Delete');
  remove.addEventListener('click', async () => {
    const versions = data.version === 1 ? 'its only version' : `its ${data.version} versions`;
    const question = `Delete “${data.name}” with ${versions}? This cannot be taken back. Events that it judged stay.`;
    if (!(await sure(question, 'Delete it'))) return;
    await busy(remove, async () => {
      await send('DELETE', `/v1/configurations/${data.id}`, undefined, { etag });
      say(`“${data.name}” was deleted.`);
      location.hash = '#/configurations';
    });
  });
  return h('div', { class: 'actions' }, remove);
}
