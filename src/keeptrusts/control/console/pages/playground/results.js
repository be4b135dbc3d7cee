// What came of it: the verdicts in words, the texts before and after, and what each policy said.

import { h } from '../../dom.js';
import { badge, table } from '../../ui.js';
import { compared } from './marks.js';

const SAID = {
  allowed: 'lets it pass', redacted: 'lets it pass, redacted', escalated: 'withholds it until a person decides',
  blocked: 'blocks it', failed: 'does not serve it',
};

const PHASES = ['route', 'input', 'tool', 'output'];

export function results(said, trials) {
  return [
    h('h2', {}, 'What comes of it'),
    h('div', { role: 'status' }, trials.map(verdict)),
    trials.map((trial) => texts(said, trial, trials.length > 1)),
    h('h2', {}, 'What each policy said'),
    policies(trials),
  ];
}

const title = (trial) => `Version ${trial.version}`;

function verdict(trial) {
  const shadow = trial.shadow_verdict && trial.shadow_verdict !== trial.verdict
    ? [' Were its policies in shadow enforced: ', badge(trial.shadow_verdict), '.'] : null;
  return h('p', {}, badge(trial.verdict), ` ${title(trial)} ${SAID[trial.verdict]}: `, h('code', {}, trial.reason_code),
    trial.verdict === 'allowed' || !trial.phase ? '.' : ` in the phase ${trial.phase}.`, shadow);
}

function texts(said, trial, several) {
  const [written, sent] = compared(said.prompt, trial.prompt);
  const [given, read] = compared(said.answer, trial.answer);
  return [
    several ? h('h3', {}, title(trial)) : null,
    trial.instructions.map((words) => passage('What the provider is told before it', words)),
    h('div', { class: 'beside' },
      passage('The prompt as written', written),
      passage('The prompt as the provider receives it', sent ?? none('It is sent to nobody.'))),
    said.answer ? h('div', { class: 'beside' },
      passage('The answer as the model gives it', given),
      passage('The answer as the client reads it', read ?? none('The client reads none of it.'))) : null,
  ];
}

const none = (words) => h('span', { class: 'quiet' }, words);

const passage = (caption, content) =>
  h('figure', { class: 'said' }, h('figcaption', {}, caption), h('pre', { tabindex: 0 }, content));

/** One line for each kind and phase of any of them, one column for each version. */
function policies(trials) {
  return [
    table('What each policy said', [
      ['Policy', ({ kind, mode }) => [kind, mode === 'shadow' ? [' ', badge('shadow')] : null]],
      ['Phase', ({ phase, again }) => (phase === 'tool' ? `tool, of the ${again ? 'answer' : 'request'}` : phase)],
      ...trials.map((trial, index) => [title(trial), ({ kind, of }) => (of[index] ? line(of[index]) : absent(trial, kind))]),
    ], lines(trials), 'There is no policy in the chain.'),
    trials.map((trial) => differing(trial, trials.length > 1)),
  ];
}

/** A kind is asked about tools twice: of the request, and `again` of the answer. */
function lines(trials) {
  const rows = new Map();
  trials.forEach((trial, index) => {
    const seen = new Set();
    trial.policies.forEach((one) => {
      const name = `${one.kind} ${one.phase} ${one.mode}`;
      const again = seen.has(name);
      seen.add(name);
      const { kind, phase, mode } = one;
      if (!rows.has(name + again)) rows.set(name + again, { kind, phase, mode, again, of: [] });
      rows.get(name + again).of[index] = one;
    });
  });
  const order = ({ phase, again }) => PHASES.indexOf(phase) * 2 + again;
  return [...rows.values()].sort((one, other) => order(one) - order(other));
}

function absent(trial, kind) {
  if (trial.policies.some((one) => one.kind === kind)) return none('not asked: it came to no answer');
  return none(trial.not_as_served.some((one) => one.kind === kind) ? 'left out' : 'not in its chain');
}

function line(one) {
  if (one.verdict === 'skipped') return none('skipped: an earlier one had blocked');
  const found = one.findings.map(({ category, count }) => `${category} × ${count}`).join(', ');
  return [badge(one.verdict), none(` ${(one.latency_us / 1000).toFixed(2)} ms`),
    one.reason_code === 'all_policies_passed' ? null : h('div', {}, h('code', {}, one.reason_code)),
    found ? h('div', {}, found) : null];
}

function differing(trial, several) {
  if (!trial.not_as_served.length) return null;
  return h('div', { class: 'note' },
    h('p', {}, several ? `A gateway may judge otherwise with version ${trial.version}:` : 'A gateway may judge otherwise:'),
    h('ul', {}, trial.not_as_served.map(({ kind, description }) =>
      h('li', {}, kind ? [h('code', {}, kind), ': '] : null, description))));
}
