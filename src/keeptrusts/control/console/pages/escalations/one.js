// One escalation: what it is about, what is held, and the decision.

import { trail } from '../../acting.js';
import { Problem, get, may, send } from '../../api.js';
import { fill, h } from '../../dom.js';
import { kept, renew, renewedEvery10s } from '../../renewing.js';
import { badge, busy, done, facts, form, problem } from '../../ui.js';
import { factsOf, gatewayNames, isHeld, isOpen, stateOf } from './facts.js';

export async function one(id, { signal }) {
  const names = await gatewayNames(signal);
  const path = `/v1/escalations/${encodeURIComponent(id)}`;
  const said = h('div', { tabindex: -1 });
  const [about, claiming, content] = [h('div'), h('div'), h('div')];
  const decision = h('section', {}, h('h2', {}, 'Decide'), resolution((...given) => act(...given)));
  let row;
  let etag;
  const escalation = kept(path, (read) => {
    const before = row;
    ({ data: row, etag } = read);
    const mine = isOpen(row) && may('escalations:write');
    renew(about, h('p', {}, badge(stateOf(row)), ' ', standing(row)), facts(factsOf(row, names)));
    if (row.state !== before?.state) fill(claiming, mine ? claim(row, act, said) : null);
    if (!before || isHeld(row) !== isHeld(before)) fill(content, held(path, row, signal));
    decision.hidden = !mine;
  }, signal);
  const act = async (verb, body, words) => {
    try {
      await escalation.changed(changed(path, verb, body, etag));
    } catch (failed) {
      await escalation.read();
      throw failed;
    }
    fill(said, done(words));
    said.focus();
  };
  await escalation.read();
  return [
    trail(['#/escalations', 'Escalations']),
    h('h1', {}, `Escalation of ${row.policy}`),
    said, about, claiming,
    h('h2', {}, 'What is held'), content,
    decision,
    renewedEvery10s(signal, escalation.read),
  ];
}

/** Where it stands, for people. */
function standing(row) {
  if (row.state === 'queued') return 'Nobody has it yet.';
  if (row.state === 'claimed') return `${row.claimed_by} has it.`;
  if (row.state === 'expired') return 'Nobody decided in time, so it counts as denied.';
  if (row.outcome === 'denied') return `${row.resolved_by} denied it.`;
  const used = row.redeemed_at ? 'and it was delivered' : 'and the client gets it when it repeats its request';
  return `${row.resolved_by} approved it, ${used}.`;
}

/** A claim is tried again with what is there now, so that a refusal says who has it. */
async function changed(path, verb, body, etag) {
  try {
    return await send('POST', `${path}/${verb}`, body, { etag });
  } catch (failed) {
    if (verb !== 'claim' || !(failed instanceof Problem) || failed.status !== 412) throw failed;
    return send('POST', `${path}/${verb}`, body);
  }
}

/** A refusal is said above: the button may be another by then. */
function claim(row, act, said) {
  const [verb, words, told] = row.state === 'queued'
    ? ['claim', 'Claim', 'You claimed it: only you or an admin decide it now.']
    : ['unclaim', 'Give it back', 'It is back in the queue.'];
  const button = h('button', { type: 'button', onclick: () => busy(button, () => act(verb, undefined, told).catch((failed) => {
    fill(said, problem(failed));
    said.focus();
  })) }, words);
  return h('div', { class: 'actions' }, button);
}

/** It stays as it is while the rest is refreshed: what was typed is not lost. */
function resolution(act) {
  const radio = (value, words) => h('label', { class: 'option' },
    h('input', { type: 'radio', name: 'outcome', value, required: true }), ` ${words}`);
  const reason = h('textarea', { id: 'f-reason', name: 'reason', rows: 3, required: true, maxlength: 2000,
    'aria-describedby': 'f-reason-hint' });
  return form(async ({ outcome, reason: why }) => {
    const told = outcome === 'approved'
      ? 'Approved. The client gets what is held, once, when it repeats its request within 24 hours.'
      : 'Denied. What was held is deleted.';
    await act('resolve', { outcome, reason: why.trim() }, told);
  }, 'Resolve',
  h('fieldset', { class: 'options' }, h('legend', {}, 'Decision'),
    radio('approved', 'Approve: exactly these bytes are let through, once'),
    radio('denied', 'Deny: the client is refused, and what is held is deleted')),
  h('div', { class: 'field' }, h('label', { for: 'f-reason' }, 'Reason of the decision'), reason,
    h('p', { class: 'hint', id: 'f-reason-hint' }, 'Kept with the escalation, and read by whoever looks at it later.')));
}

function held(path, row, signal) {
  if (!may('escalations:write')) return h('p', { class: 'quiet' }, 'Only those who may decide see what is held.');
  if (!isHeld(row)) return h('p', { class: 'quiet' }, 'Nothing is held any more: it was delivered, denied or not decided in time.');
  const shown = h('div');
  const button = h('button', { type: 'button', onclick: () => busy(button, async () => {
    const { data } = await get(`${path}/held`, {}, signal);
    fill(shown, h('pre', { tabindex: 0, role: 'region', 'aria-label': 'What is held' }, readable(data)),
      h('p', { class: 'quiet wrap' }, `${data.media_type}, ${data.digest}`));
  }) }, 'Show what is held');
  const words = row.stage === 'input' ? 'The request as the model would get it.' : 'The answer as the client would get it.';
  return [h('p', { class: 'quiet' }, words), h('div', { class: 'actions' }, button), shown];
}

/** JSON in lines; all else as it is. */
function readable({ media_type: type, text }) {
  if (!type.includes('json')) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
