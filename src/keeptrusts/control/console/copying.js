// What is shown once, with a button that copies it.

import { h } from './dom.js';

/** A text of one line under its label, and a button that copies it. */
export function copyable(label, text) {
  const id = `copy-${label.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`;
  const shown = h('code', { id, class: 'copyable' }, text);
  const said = h('span', { class: 'quiet', role: 'status' });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = 'Copied.';
    } catch {
      // without TLS, or without the right to, a browser copies only what somebody marked
      getSelection().selectAllChildren(shown);
      said.textContent = 'Marked: copy it with the keyboard.';
    }
  };
  return h('div', { class: 'field' },
    h('p', { class: 'copy-label' }, label),
    h('div', { class: 'actions' }, shown, h('button', { type: 'button', onclick: copy, 'aria-describedby': id },
      'Copy', h('span', { class: 'hidden' }, ` ${label}`)), said));
}

/** A secret that nobody can read again. `more` is said beneath. */
export const shownOnce = (label, secret, ...more) =>
  h('section', { class: 'note', 'aria-label': `${label}, shown once` },
    h('p', {}, h('strong', {}, 'Copy it now. '), 'It is shown this once and stored nowhere in a form that can be read.'),
    copyable(label, secret), more);
