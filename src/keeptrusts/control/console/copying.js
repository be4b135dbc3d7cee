// What is shown once, with a button that copies it.

import { h } from './dom.js';

/** A button that copies what `shown` says, and what came of it. */
export function copyButton(shown, ...words) {
  const said = h('span', { class: 'quiet', role: 'status' });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(shown.textContent);
      said.textContent = 'Copied.';
    } catch {
      // without TLS, or without the right to, a browser copies only what somebody marked
      getSelection().selectAllChildren(shown);
      said.textContent = 'Marked: copy it with the keyboard.';
    }
  };
  return [h('button', { type: 'button', onclick: copy }, words), said];
}

/** A text of one line under its label, and a button that copies it. */
export function copyable(label, text) {
  const shown = h('code', { class: 'copyable' }, text);
  return h('div', { class: 'field' },
    h('p', { class: 'copy-label' }, label),
    h('div', { class: 'actions' }, shown, copyButton(shown, 'Copy', h('span', { class: 'hidden' }, ` ${label}`))));
}

/** A secret that nobody can read again. `more` is said beneath. */
export const shownOnce = (label, secret, ...more) =>
  h('section', { class: 'note', 'aria-label': `${label}, shown once` },
    h('p', {}, h('strong', {}, 'Copy it now. '), 'It is shown this once and stored nowhere in a form that can be read.'),
    copyable(label, secret), more);
