// What is to be said of a document while somebody types: findings, and what it would change.

import { send } from '../../api.js';
import { fill, h } from '../../dom.js';
import { problem } from '../../ui.js';
import { meaning } from './differences.js';
import { at } from './words.js';

const PAUSE_MS = 400;

/**
 * `findings` and `changes`: where they are shown; `look(text)`: look at this text after a pause. `id`: what it is
 * compared with; null: a new one. `jump(line, column)` and `mark(lines)` are the editor's.
 */
export function checking({ id, signal, jump, mark }) {
  const summary = h('p', { role: 'status' });
  const list = h('div');
  const changes = h('div');
  let waiting = null;
  let asking = new AbortController();
  signal.addEventListener('abort', () => { clearTimeout(waiting); asking.abort(); });
  const look = async (text) => {
    const { signal: mine } = (asking = new AbortController());
    try {
      const { data } = await send('POST', '/v1/configurations/validate', { policy_yaml: text }, { signal: mine });
      const found = [...data.errors, ...data.warnings].map((one, index) => ({ ...one, isError: index < data.errors.length }));
      mark(data.errors.map((one) => one.line));
      tell(summary, summed(data));
      fill(list, found.length ? h('ul', { class: 'findings' }, found.map((one) => finding(one, jump))) : null);
      fill(changes, id && (await changed(id, text, data.valid, mine)));
    } catch (failed) {
      if (failed.name !== 'AbortError') fill(list, problem(failed));
    }
  };
  return {
    findings: h('section', { 'aria-label': 'Findings' }, h('h2', {}, 'Findings'), summary, list),
    changes: h('section', { 'aria-label': 'What it would change' }, h('h2', {}, 'What it would change'), changes),
    look: (text, pause = PAUSE_MS) => {
      clearTimeout(waiting);
      asking.abort();
      waiting = setTimeout(() => look(text), pause);
    },
  };
}

/** Only what is new is read out. */
function tell(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

const some = (count, word) => `${count} ${word}${count === 1 ? '' : 's'}`;

function summed({ valid, errors, warnings }) {
  const warned = warnings.length ? `, ${some(warnings.length, 'warning')}` : '';
  return valid ? `It lints${warned}.` : `${some(errors.length, 'error')}${warned}.`;
}

function finding({ isError, code, line, column, message, suggestion }, jump) {
  const place = line ? `line ${line}` : 'the document';
  return h('li', {},
    h('button', { type: 'button', class: 'plain', onclick: () => jump(line || 1, column || 1) },
      h('span', { class: isError ? 'bad' : 'warn' }, `${isError ? 'Error' : 'Warning'} ${code}`), `, ${place}: ${message}`),
    suggestion ? h('p', { class: 'hint' }, suggestion) : null);
}

async function changed(id, text, valid, signal) {
  if (!valid) return h('p', { class: 'quiet' }, 'What it means can be told when it lints.');
  const { data } = await send('POST', at(id, 'diff'), { policy_yaml: text }, { signal });
  if (data.same) return h('p', {}, `It means what version ${data.version} means.`);
  return [h('p', { class: 'quiet' }, `Beside version ${data.version}, which is current.`), meaning(data)];
}
