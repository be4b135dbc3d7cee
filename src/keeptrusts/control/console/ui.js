// What pages are made of.

import { Problem } from './api.js';
import { h } from './dom.js';

/** A time as people read it; its exact form is in the title. */
export function when(moment) {
  if (!moment) return h('span', { class: 'quiet' }, 'never');
  const shown = new Date(moment).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
  return h('time', { datetime: moment, title: moment }, shown);
}

const TONES = {
  allowed: 'good', in_sync: 'good', online: 'good', approved: 'good', completed: 'good', delivered: 'good', active: 'good',
  blocked: 'bad', failed: 'bad', error: 'bad', denied: 'bad', offline: 'bad', dead: 'bad', revoked: 'bad',
  redacted: 'warn', escalated: 'warn', stale: 'warn', degraded: 'warn', queued: 'warn', claimed: 'warn', running: 'warn',
  strengthens: 'good', weakens: 'bad',
};

/** A word that stands for a state. */
export const badge = (word) => h('span', { class: `badge ${TONES[word] ?? 'plain'}` }, word);

/** An id or a digest, shortened; whole in the title. */
export const short = (text, length = 16) =>
  text ? h('code', { title: text }, text.length > length ? `${text.slice(0, length)}…` : text) : '';

/**
 * A table. `columns`: `[heading, row => content]`; of each row the first column is its heading.
 * `empty`: what to say, and what to do, when there are no rows.
 */
export function table(caption, columns, rows, empty) {
  const cell = (column, row, index) =>
    index === 0 ? h('th', { scope: 'row' }, column[1](row)) : h('td', {}, column[1](row));
  if (!rows.length) return h('p', { class: 'quiet' }, empty);
  return h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
    h('table', {},
      h('caption', { class: 'hidden' }, caption),
      h('thead', {}, h('tr', {}, columns.map(([heading]) => h('th', { scope: 'col' }, heading)))),
      h('tbody', {}, rows.map((row) => h('tr', {}, columns.map((column, index) => cell(column, row, index)))))));
}

/** A labelled control; `hint` is read with it. */
export function field(label, control, hint = null) {
  const id = control.id || `f-${label.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`;
  control.id = id;
  if (hint) control.setAttribute('aria-describedby', `${id}-hint`);
  return h('div', { class: 'field' },
    h('label', { for: id }, label), control, hint ? h('p', { class: 'hint', id: `${id}-hint` }, hint) : null);
}

/** A choice. `options`: `[value, words]`. */
export const choice = (attributes, options, chosen = '') =>
  h('select', attributes, options.map(([value, words]) => h('option', { value, selected: value === chosen }, words)));

/** Do `work` while `button` is off; a failure is shown beside it. */
export async function busy(button, work) {
  const focused = document.activeElement === button;
  button.disabled = true;
  button.parentElement?.querySelector(':scope > .problem')?.remove();
  try {
    return await work();
  } catch (failed) {
    if (failed.name !== 'AbortError') button.after(problem(failed));
    return undefined;
  } finally {
    button.disabled = false;
    // what is disabled loses the focus; whoever goes by keys would begin at the top again
    if (focused && document.activeElement === document.body) button.focus();
  }
}

/** What went wrong, for people. */
export function problem(failed) {
  if (!(failed instanceof Problem)) throw failed;
  return h('div', { class: 'problem', role: 'alert' },
    h('p', {}, failed.message),
    failed.errors.length ? h('ul', {}, failed.errors.map((one) => h('li', {}, `${one.path}: ${one.message}`))) : null);
}

/** Something that was done, read out by screen readers. */
export const done = (words) => h('p', { class: 'done', role: 'status' }, words);

/** Ask before something that cannot be taken back; whether it was confirmed. */
export function sure(question, yes) {
  return new Promise((answer) => {
    const dialog = h('dialog', { 'aria-labelledby': 'sure-question', onclose: () => {
      dialog.remove();
      answer(dialog.returnValue === 'yes');
    } },
    h('p', { id: 'sure-question' }, question),
    h('div', { class: 'actions' },
      h('button', { type: 'button', onclick: () => dialog.close('no') }, 'Cancel'),
      h('button', { type: 'button', class: 'danger', onclick: () => dialog.close('yes') }, yes)));
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A form. `submit(values, button)`: what its controls hold, by their names. */
export function form(submit, words, ...fields) {
  const button = h('button', { type: 'submit', class: 'primary' }, words);
  return h('form', { onsubmit: (event) => {
    event.preventDefault();
    busy(button, () => submit(Object.fromEntries(new FormData(event.target)), button));
  } }, fields, h('div', { class: 'actions' }, button));
}

/** Names and values. */
export const facts = (pairs) =>
  h('dl', { class: 'facts' }, pairs.filter(([, value]) => value != null && value !== '')
    .map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
