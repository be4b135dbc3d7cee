// One configuration: what it is, what it says, who runs it.

import { get, may, send } from '../../api.js';
import { fill, h } from '../../dom.js';
import { busy, done, facts, short, sure, when } from '../../ui.js';
import { ownership } from './ownership.js';
import { users } from './users.js';
import { versions } from './versions.js';
import { at, authors, heard, labelled, numbered, owner, say, trail } from './words.js';

export async function one(id, { signal }) {
  const page = h('div');
  const draw = async (words) => {
    const found = await get(at(id), {}, signal);
    const nameOf = await authors(signal);
    const [ran, written] = await Promise.all([users(found.data, signal), versions(found, nameOf, draw, signal)]);
    fill(page, content(found, { nameOf, ran, written, words, draw }));
    arrive(page);
  };
  await draw(heard());
  return page;
}

/** After something was done, the focus is where that is said: its button may be gone. */
function arrive(page) {
  const words = page.querySelector('.done');
  if (!words) return;
  words.tabIndex = -1;
  words.focus();
}

function content(read, { nameOf, ran, written, words, draw }) {
  const { data } = read;
  return [
    trail(),
    h('h1', {}, data.name),
    words ? done(words) : null,
    data.description ? h('p', {}, data.description) : null,
    ownership(read, draw),
    actions(read),
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
    h('h2', {}, 'Versions'),
    written,
  ];
}

function actions({ data, etag }) {
  const attempt = h('a', { class: 'button', href: `#/playground?configuration=${data.id}` }, 'Try a prompt');
  if (!may('configurations:write')) return h('div', { class: 'actions' }, attempt);
  const remove = h('button', { type: 'button', class: 'danger' }, 'Delete');
  remove.addEventListener('click', async () => {
    const versions = data.version === 1 ? 'its only version' : `its ${data.version} versions`;
    const question = `Delete “${data.name}” with ${versions}? This cannot be taken back. Events that it judged stay.`;
    if (!(await sure(question, 'Delete it'))) return;
    await busy(remove, async () => {
      await send('DELETE', at(data.id), undefined, { etag });
      say(`“${data.name}” was deleted.`);
      location.hash = '#/configurations';
    });
  });
  const link = (part, words, kind = '') => h('a', { class: `button ${kind}`, href: `#/configurations/${part}` }, words);
  return h('div', { class: 'actions' },
    link(`${data.id}/edit`, 'Edit', 'primary'),
    link(`${data.id}/settings`, 'Name and labels'),
    link(`new?copy=${data.id}`, 'Copy'),
    attempt,
    remove);
}
