// What is typed is kept while this tab is open: a session may end before it is saved, and another begin.

import { who } from '../../api.js';
import { h } from '../../dom.js';

const place = (id) => `keeptrusts draft ${who().key_id} ${id}`;

export function keep(id, typed) {
  try {
    sessionStorage.setItem(place(id), JSON.stringify(typed));
  } catch {
    // a browser that stores nothing, or no more: then nothing is there again
  }
}

/** What was kept, or null. */
export function kept(id) {
  try {
    return JSON.parse(sessionStorage.getItem(place(id)));
  } catch {
    return null;
  }
}

export function forget(id) {
  try {
    sessionStorage.removeItem(place(id));
  } catch {
    // as above
  }
}

/** Says that it is there; `discard` goes back to how it began. */
export function again(discard) {
  const note = h('div', { class: 'note' },
    h('p', {}, 'What you typed in this tab and did not save is here again.'),
    h('div', { class: 'actions' }, h('button', { type: 'button', onclick: () => { discard(); note.remove(); } }, 'Discard it')));
  return note;
}
