// The versions of a configuration: all, one of them, and back to one of them.

import { get, may, send } from '../../api.js';
import { h } from '../../dom.js';
import { keyed, list } from '../../renewing.js';
import { busy, facts, short, sure, table, when } from '../../ui.js';
import { comparison, counted } from './differences.js';
import { at, authors, numbered, trail } from './words.js';

/** All versions, newest first. `draw(words)` shows the configuration anew after a roll back. */
export async function versions(read, nameOf, draw, signal) {
  const { data } = read;
  const columns = [
    ['Version', (version) => h('a', { href: `#/configurations/${data.id}/versions/${version.version}` }, `Version ${version.version}`)],
    ['Written', (version) => when(version.created_at)],
    ['Author', (version) => nameOf(version.author)],
    ['Message', (version) => h('span', { class: 'prose' }, version.message ?? '')],
    ['Actions', (version) => choices(read, version, draw)],
  ];
  const all = list(
    async (cursor, limit) => (await get(at(data.id, 'versions'), { cursor, limit }, signal)).data,
    (rows) => keyed(table('Versions', columns, rows, ''), rows, (version) => String(version.version)));
  await all.begun();
  return [all.element, data.version > 1 ? comparison(data, data.version - 1, data.version) : null];
}

function choices(read, version, draw) {
  const { data } = read;
  const link = version.version > 1
    ? h('a', { href: `#/configurations/${data.id}/diff?from=${version.version - 1}&to=${version.version}` }, 'What it changed')
    : null;
  return h('div', { class: 'choices' }, link, version.version === data.version ? 'current' : back(read, version, draw));
}

/** A button that makes a version current again; none where that would change nothing. */
function back(read, version, draw) {
  if (!may('configurations:write') || version.content_digest === read.data.content_digest) return null;
  const button = h('button', { type: 'button', 'aria-label': `Roll back to version ${version.version}` }, 'Roll back');
  button.addEventListener('click', () => busy(button, () => rollBack(read, version.version, draw)));
  return button;
}

/** Ask, with what it means, and do it. `why` is said first. */
export async function rollBack({ data, etag }, version, draw, why = '') {
  const { data: found } = await get(at(data.id, 'diff'), { from: data.version, to: version });
  const question = [
    why,
    `Go back to version ${version}? Its document becomes version ${data.version + 1}, and gateways that follow the newest version run it within seconds.`,
    counted(found),
    `Version ${data.version} is kept.`,
  ].filter(Boolean).join(' ');
  if (!(await sure(question, `Back to version ${version}`))) return;
  const { data: now } = await send('POST', at(data.id, 'rollback'), { version }, { etag });
  await draw(`Version ${version} is current again, as version ${now.version}.`);
}

/** One version, as it was written. */
export async function version(id, number, { signal }) {
  const [{ data }, { data: found }, nameOf] = await Promise.all([
    get(at(id), {}, signal), get(at(id, 'versions', number), {}, signal), authors(signal)]);
  const link = (href, words) => h('a', { class: 'button', href }, words);
  const since = found.version === data.version
    ? null
    : link(`#/configurations/${data.id}/diff?from=${found.version}&to=${data.version}`, `What changed since, up to version ${data.version}`);
  return [
    trail(data),
    h('h1', {}, `Version ${found.version}`),
    facts([
      ['Written', when(found.created_at)],
      ['Author', nameOf(found.author)],
      ['Message', found.message],
      ['Digest', short(found.content_digest)],
    ]),
    h('div', { class: 'actions' }, since, link(`#/playground?configuration=${data.id}&version=${found.version}`, 'Try a prompt')),
    h('h2', {}, 'The document'),
    numbered(found.policy_yaml, `The document of version ${found.version}`),
  ];
}
