// The record as it is stored, to read and to copy.

import { h } from '../../dom.js';

export function wholeJson(record) {
  const text = JSON.stringify(record, null, 2);
  const shown = h('pre', { tabindex: 0, class: 'whole' }, text);
  const said = h('span', { class: 'quiet', role: 'status' });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = 'Copied.';
    } catch {
      // a browser without the right to: what is marked can be copied with the keyboard
      getSelection().selectAllChildren(shown);
      said.textContent = 'Marked: copy it with the keyboard.';
    }
  };
  return [h('div', { class: 'actions' }, h('button', { type: 'button', onclick: copy }, 'Copy JSON'), said),
    h('details', {}, h('summary', {}, 'Show it as JSON'), shown)];
}
