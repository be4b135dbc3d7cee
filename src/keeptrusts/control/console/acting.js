// What can be done with something, as a row of buttons, and what came of it.

import { fill, h } from './dom.js';
import { busy, problem } from './ui.js';

/** A button that does `work` while it is off. */
export function pressed(words, work, attributes = {}) {
  const button = h('button', { type: 'button', ...attributes, onclick: () => busy(button, work) }, words);
  return button;
}

/**
 * Fill `bar` with what is offered: `{words, href}` is a way to a page, `{words, work, danger}` something to do. It is
 * made anew only when something else is offered, so that the focus stays, and what is said beside a button.
 */
export function offer(bar, offered) {
  const words = offered.map((one) => one.words).join('\n');
  if (bar.dataset.offered === words) return;
  bar.dataset.offered = words;
  fill(bar, offered.map((one) => (one.href
    ? h('a', { class: 'button primary', href: one.href }, one.words)
    : pressed(one.words, one.work, { class: one.danger ? 'danger' : null }))));
}

/** Whoever pressed a button that is no longer offered goes on with the first that is. */
export function keepFocus(bar) {
  if (document.activeElement === document.body && !bar.querySelector(':disabled')) bar.querySelector('a, button')?.focus();
}

/** Do `work` and say what came of it in `said`: what it gives, or what went wrong. */
export async function saying(said, work) {
  fill(said);
  try {
    fill(said, await work());
  } catch (failed) {
    if (failed.name !== 'AbortError') fill(said, problem(failed));
  }
}

/** The page has become another without a new address: whoever cannot see it is told by the focus and the title. */
export function turnInto(page, heading, ...content) {
  heading.tabIndex = -1;
  fill(page, content);
  document.title = `${heading.textContent} · Keeptrusts`;
  heading.focus();
}

/** The way back, above the heading. `ways`: `[address, words]`. */
export const trail = (...ways) =>
  h('p', { class: 'trail' }, ways.map(([href, words], index) => [index ? ' / ' : '', h('a', { href }, words)]));
