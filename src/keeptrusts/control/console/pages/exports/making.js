// A new export: what it is to hold, a look at it, and making it.

import { trail } from '../../acting.js';
import { get, send } from '../../api.js';
import { fill, h } from '../../dom.js';
import { busy, choice, field, form } from '../../ui.js';
import { CONTENTS, FILTERS, TYPES, WINDOWS, formatsOf, mayRead } from './choices.js';
import { previewed } from './preview.js';

const LOOKED_AT = 10;

export function making({ query, signal }) {
  const seen = h('div');
  const made = form(async () => {
    const { data } = await send('POST', '/v1/exports/jobs', draftOf(made), { signal });
    location.hash = `#/exports/${data.id}?made`;
  }, 'Make the export', fields(query));
  const look = h('button', { type: 'button', onclick: () => busy(look, async () => {
    if (!made.reportValidity()) return;
    const { filters = {}, ...rest } = draftOf(made);
    const { data } = await get('/v1/exports/preview', { ...rest, ...filters, limit: LOOKED_AT }, signal);
    fill(seen, previewed(rest.type, data));
  }) }, 'Preview');
  made.querySelector('.actions').prepend(look);
  made.addEventListener('input', () => fill(seen));
  return [
    trail(['#/exports', 'Exports']),
    h('h1', {}, 'New export'),
    made, seen,
  ];
}

/** The fields; which formats, filters and contents there are follows the type. */
function fields(query) {
  const types = TYPES.filter(([type]) => mayRead(type));
  const asked = types.some(([type]) => type === query.get('type')) ? query.get('type') : types[0]?.[0];
  const type = choice({ name: 'type' }, types, asked);
  const format = choice({ name: 'format' }, formatsOf(asked), query.get('format') ?? 'jsonl');
  const rest = h('div');
  const follow = (given) => {
    const before = format.value;
    const known = formatsOf(type.value);
    fill(format, known.map(([value, words]) => h('option', { value, selected: value === before }, words)));
    fill(rest, filtersOf(type.value, given), type.value === 'events' ? contents(given.get('content')) : null);
  };
  type.addEventListener('change', () => follow(new URLSearchParams()));
  follow(query);
  return [field('What', type), field('Format', format), times(query), rest];
}

function times(query) {
  const between = query.has('from');
  const chosen = between ? '' : query.get('window') ?? '24h';
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const from = h('input', { type: 'datetime-local', step: 1, name: 'from', value: localOf(query.get('from')) });
  const to = h('input', { type: 'datetime-local', step: 1, name: 'to', value: localOf(query.get('to')) });
  const both = h('div', { class: 'filters' },
    field('From', from, `In the time of ${zone}.`), field('Until', to, 'Left empty: until now.'));
  const follow = (value) => {
    both.hidden = value !== '';
    from.required = value === '';
  };
  follow(chosen);
  return h('fieldset', { class: 'options', onchange: (event) => event.target.name === 'window' && follow(event.target.value) },
    h('legend', {}, 'Time'), options('window', WINDOWS, chosen), both);
}

const options = (name, choices, chosen) => choices.map(([value, words]) => h('label', { class: 'option' },
  h('input', { type: 'radio', name, value, checked: value === chosen }), ` ${words}`));

const contents = (chosen) => h('fieldset', { class: 'options' }, h('legend', {}, 'Texts of requests and answers'),
  options('content', CONTENTS, chosen ?? 'sealed'));

const filtersOf = (type, given) => h('fieldset', { class: 'options' }, h('legend', {}, 'Only rows with'),
  h('div', { class: 'filters' }, FILTERS[type].map(([name, words, values]) => {
    const asked = given.get(name) ?? '';
    const attributes = { name: `filter.${name}`, id: `filter-${name}` };
    return field(words, values
      ? choice(attributes, [['', 'any'], ...values.map((value) => [value, value])], asked)
      : h('input', { ...attributes, value: asked, maxlength: 200, spellcheck: 'false' }));
  })));

/** What the form holds, as the API wants it. */
function draftOf(made) {
  const said = [...new FormData(made)].filter(([, value]) => value.trim() !== '');
  const held = Object.fromEntries(said.filter(([name]) => !name.startsWith('filter.')));
  const filters = said.filter(([name]) => name.startsWith('filter.')).map(([name, value]) => [name.slice(7), value.trim()]);
  const { from, to, window: last, ...draft } = held;
  if (last) draft.window = last;
  else {
    if (from) draft.from = new Date(from).toISOString();
    if (to) draft.to = new Date(to).toISOString();
  }
  return filters.length ? { ...draft, filters: Object.fromEntries(filters) } : draft;
}

/** A moment as its control wants it: in the time of this browser, to the second. */
function localOf(moment) {
  const at = new Date(moment ?? NaN);
  if (Number.isNaN(at.getTime())) return '';
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
