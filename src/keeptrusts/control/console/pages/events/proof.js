// Whether a signed checkpoint has sealed an event.

import { get } from '../../api.js';
import { fill, h } from '../../dom.js';
import { badge, busy, facts, problem, short, when } from '../../ui.js';

/** A section that can be asked again while it is not sealed. */
export async function proof(id, signal) {
  const section = h('div', { role: 'status' });
  const again = h('button', { type: 'button', onclick: () => busy(again, look) }, 'Ask again');
  const look = async () => {
    const found = await read(id, signal);
    fill(section, found ? sealed(found) : waiting(again));
  };
  try {
    await look();
  } catch (failed) {
    if (failed.name === 'AbortError') throw failed;
    fill(section, problem(failed));
  }
  return [h('h2', {}, 'Proof'), section];
}

/** Null: not yet. */
async function read(id, signal) {
  try {
    return (await get(`/v1/trail/proof/${encodeURIComponent(id)}`, {}, signal)).data;
  } catch (failed) {
    if (failed.code === 'not_sealed') return null;
    throw failed;
  }
}

const waiting = (again) => [
  h('p', {}, badge('not sealed yet'), ' A signed checkpoint seals what came in about once a minute.'),
  h('div', { class: 'actions' }, again),
];

function sealed({ checkpoint, index, size, entry, path }) {
  const said = JSON.parse(checkpoint.payload);
  return [
    h('p', {}, badge('sealed'), ` in checkpoint ${checkpoint.number.toLocaleString()}, as entry ${index + 1} of ${size}.`),
    facts([
      ['Sealed', when(said.sealed_at)],
      ['Signed by the key', short(checkpoint.key_id, 24)],
      ['Hashes on the path to the root', String(path.length)],
      ['Root of the segment', h('code', {}, said.root)],
      ['Entry', h('code', {}, entry)],
    ]),
  ];
}
