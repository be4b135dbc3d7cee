// What to know, and what can be done, where Terraform manages a configuration.

import { get, may, send, who } from '../../api.js';
import { h } from '../../dom.js';
import { busy, sure } from '../../ui.js';
import { rollBack } from './versions.js';
import { at, authors } from './words.js';

/** A banner; nothing where Terraform does not manage it. */
export function ownership(read, draw) {
  const { data } = read;
  if (data.managed_by !== 'terraform') return null;
  return h('section', { class: 'note', 'aria-label': 'Terraform manages this configuration' },
    h('p', {}, h('strong', {}, 'Terraform manages this configuration.'),
      ' A change made here is drift: the next ', h('code', {}, 'terraform plan'),
      ' shows it with what it means, and the next ', h('code', {}, 'terraform apply'), ' takes it back.'),
    h('p', {}, 'If the change is right, put it into the repository, as the guide “From console clicks to code” does: ',
      h('code', {}, `kt config show ${data.id} --policy > policies/FILE.yaml`), '.'),
    may('configurations:write') ? h('div', { class: 'actions' }, adoption(read, draw), reversal(read, draw)) : null);
}

function adoption({ data, etag }, draw) {
  const button = h('button', { type: 'button' }, 'Adopt');
  button.addEventListener('click', () => busy(button, async () => {
    const question = `Have the console manage “${data.name}” from now on? Terraform is not told: take the resource out of its files and its state too (a “removed” block, or “terraform state rm”), or an apply that changes it takes it over again.`;
    if (!(await sure(question, 'Adopt it'))) return;
    await send('PATCH', at(data.id), { managed_by: 'console' }, { etag });
    await draw('The console manages it now.');
  }));
  return button;
}

function reversal(read, draw) {
  if (read.data.version === 1) return null;
  const button = h('button', { type: 'button' }, 'Revert');
  button.addEventListener('click', () => busy(button, async () => {
    const [{ data: found }, nameOf] = await Promise.all([get(at(read.data.id, 'versions'), { limit: 200 }), authors()]);
    const { version, author } = lastOfTerraform(found.data);
    const why = author
      ? `Version ${version} is the last that another key wrote (${nameOf(author)}): Terraform's, most likely.`
      : `The authors of the versions do not tell which one Terraform wrote last; this is the one before.`;
    await rollBack(read, version, draw, why);
  }));
  return button;
}

const ROLLED_BACK = /^back to version \d+$/;

/**
 * The version that Terraform wrote last, as far as authors tell: neither the author of the present one, nor whoever is
 * signed in, nor a roll back. Without one: the version before, and no `author`.
 */
function lastOfTerraform([present, ...earlier]) {
  const others = earlier.filter(({ content_digest: digest }) => digest !== present.content_digest);
  const people = [present.author, who().key_id];
  const found = others.find(({ author, message }) => !people.includes(author) && !ROLLED_BACK.test(message ?? ''));
  return found ?? { version: (others[0] ?? earlier[0]).version, author: null };
}
