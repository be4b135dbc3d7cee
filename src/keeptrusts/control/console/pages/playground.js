// A prompt tried on a version, or on two: what each policy says, and what would be sent and read.

import { get, send } from '../api.js';
import { fill, h } from '../dom.js';
import { busy, choice, field, form } from '../ui.js';
import { results } from './playground/results.js';

const MOST_CHARS = 32000;
const PAGE = 200;

export async function show({ query, signal }) {
  const { data } = await get('/v1/configurations', { limit: PAGE }, signal);
  const head = [
    h('h1', {}, 'Playground'),
    h('p', { class: 'quiet' }, 'See what a version makes of a prompt, and of an answer to it. ',
      'The control plane judges them as a gateway would: no provider and no service is asked, and nothing is recorded.'),
  ];
  const [first] = data.data;
  if (!first) return [...head, h('p', {}, h('a', { href: '#/configurations' }, 'Make a configuration'), ' first.')];
  return [...head, await attempt(data.data, { id: query.get('configuration') ?? first.id, version: query.get('version') })];
}

async function attempt(configurations, asked) {
  const shown = h('div');
  const known = configurations.some(({ id }) => id === asked.id);
  const which = choice({ name: 'configuration', onchange: () => busy(which, () => offer(which.value)) },
    [...configurations.map(({ id, name }) => [id, name]), ...(known ? [] : [[asked.id, asked.id]])], asked.id);
  const version = h('select', { name: 'version' });
  const other = h('select', { name: 'other' });
  const offer = async (id) => {
    const { data } = await get(`/v1/configurations/${encodeURIComponent(id)}/versions`, { limit: PAGE });
    const options = data.data.map((one, index) => [String(one.version), words(one, index === 0)]);
    const numbers = options.map(([value, text]) => h('option', { value }, text));
    fill(version, numbers);
    fill(other, h('option', { value: '' }, 'None'), numbers.map((one) => one.cloneNode(true)));
  };
  await offer(which.value);
  if (asked.version) version.value = asked.version;
  if (version.selectedIndex < 0) version.selectedIndex = 0;
  const submit = async (said) => fill(shown, results(said, await answers(said)));
  return [form(submit, 'Try it',
    h('div', { class: 'filters' },
      field('Configuration', which), field('Version', version), field('Beside it', other)),
    h('div', { class: 'beside' },
      field('Prompt', text('prompt', true), 'What a user says.'),
      field('Answer', text('answer', false), 'What the model might say to it; without one only the prompt is judged.')),
    circumstances()), shown];
}

const words = ({ version, message }, current) =>
  [`Version ${version}`, current ? 'current' : null, message?.slice(0, 40)].filter(Boolean).join(' · ');

const text = (name, required) =>
  h('textarea', { name, required, rows: 5, maxlength: MOST_CHARS, spellcheck: 'false', class: 'words' });

function circumstances() {
  return h('details', {},
    h('summary', {}, 'Who asks, and how'),
    h('div', { class: 'field' },
      h('label', { class: 'inline' }, h('input', { type: 'checkbox', name: 'stream' }), 'The answer is streamed')),
    field('Model', h('input', { name: 'model', maxlength: 200, autocomplete: 'off' }),
      'The name that a client asks for; the first that the document serves when empty.'),
    field('Header fields', h('textarea', { name: 'headers', rows: 3, spellcheck: 'false', class: 'words' }),
      'One a line, such as x-user-id: ada'));
}

/** One after the other: of an organisation only two may run at a time. */
async function answers(said) {
  const path = `/v1/configurations/${encodeURIComponent(said.configuration)}/try`;
  const versions = [...new Set([said.version, said.other].filter(Boolean))];
  const found = [];
  for (const version of versions) found.push((await send('POST', path, body(said, Number(version)))).data);
  return found;
}

function body(said, version) {
  const asked = { prompt: said.prompt, version, stream: said.stream === 'on' };
  if (said.answer) asked.answer = said.answer;
  if (said.model) asked.model = said.model;
  const lines = said.headers.split('\n').map((line) => line.trim()).filter(Boolean);
  if (lines.length) asked.headers = Object.fromEntries(lines.map(named));
  return asked;
}

function named(line) {
  const [name, ...value] = line.split(':');
  return [name.trim().toLowerCase(), value.join(':').trim()];
}
