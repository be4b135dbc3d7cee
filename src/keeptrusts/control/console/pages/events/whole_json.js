// The record as it is stored, to read and to copy.

import { copyButton } from '../../copying.js';
import { h } from '../../dom.js';

export function wholeJson(record) {
  const shown = h('pre', { tabindex: 0, class: 'whole' }, JSON.stringify(record, null, 2));
  return [h('div', { class: 'actions' }, copyButton(shown, 'Copy JSON')), shown];
}
