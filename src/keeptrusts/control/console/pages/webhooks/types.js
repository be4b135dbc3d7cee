// The check boxes of what a webhook is told of.

import { Problem } from '../../api.js';
import { h } from '../../dom.js';
import { field } from '../../ui.js';
import { EVENT_TYPES, OFFERED, boxes } from './event_types.js';

/** Check boxes by group, and a field for patterns that have none. */
export function typeFields(chosen) {
  const others = chosen.filter((one) => !OFFERED.has(one));
  const groups = EVENT_TYPES.map((one) => group(one[1], boxes(one), chosen));
  const settle = () => groups.forEach((one) => { one.disabled = everything.firstChild.checked; });
  const everything = box('*', 'Everything, also what is added later', chosen, settle);
  settle();
  return [
    h('fieldset', { class: 'options types' }, h('legend', {}, 'Told of'), everything, h('div', { class: 'type-groups' }, groups)),
    field('Other patterns', h('textarea', { name: 'patterns', rows: 2, value: others.join('\n') }), 'Such as *.failed, one a line.'),
  ];
}

/** What is checked and typed in this form. */
export function chosenTypes(shown) {
  const typed = shown.elements.patterns.value.split(/\s+/).filter(Boolean);
  const checked = [...shown.querySelectorAll('.types input:checked:not(:disabled)')].map((one) => one.value);
  const wanted = checked.includes('*') ? ['*'] : [...checked, ...typed];
  if (!wanted.length) throw new Problem(422, { detail: 'choose at least one kind of message' });
  return wanted;
}

/** Whoever wants all of a group has no use for each. */
function group(words, { glob, types }, chosen) {
  const each = types.map((type) => box(type, type, chosen));
  const wide = glob && box(glob, `All: ${glob}`, chosen, () => settle());
  const settle = () => each.forEach((one) => { one.firstChild.disabled = wide.firstChild.checked; });
  if (wide) settle();
  return h('fieldset', {}, h('legend', {}, words), wide, each);
}

const box = (value, words, chosen, onchange = () => null) =>
  h('label', { class: 'option' }, h('input', { type: 'checkbox', value, checked: chosen.includes(value), onchange }), ` ${words}`);
