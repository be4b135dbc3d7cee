// What is shown is asked for again and again, and whoever reads or types is not disturbed by it.

import { get } from './api.js';
import { h } from './dom.js';
import { busy, problem } from './ui.js';

const PAGE = 50;
const MOST = 200;

/** Do `work` every so many seconds while the page is looked at, and at once when it is looked at again. */
export function whileVisible(seconds, signal, work) {
  let timer;
  const next = () => {
    clearTimeout(timer);
    if (!signal.aborted && !document.hidden) timer = setTimeout(run, seconds * 1000);
  };
  const run = async () => {
    await work();
    next();
  };
  document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : run()), { signal });
  signal.addEventListener('abort', () => clearTimeout(timer));
  next();
}

/** Look again in a moment, twice: what was asked for just now takes a second or so. */
export function soon(signal, work) {
  const look = () => work().catch(() => null); // the next renewal says what is wrong
  const timers = [1000, 3000].map((length) => setTimeout(look, length));
  signal.addEventListener('abort', () => timers.forEach(clearTimeout), { once: true });
}

/** Like `fill`, but what is right already stays, with the focus in it and as far as it is scrolled. */
export function renew(element, ...children) {
  const fresh = children.flat(Infinity).filter((child) => child != null && child !== false);
  merge(element, fresh.map((child) => (child instanceof Node ? child : new Text(child))));
}

/** A table of `ui.js` whose rows are told apart by what `key` gives, wherever they move to. */
export function keyed(shown, rows, key) {
  shown.querySelectorAll('tbody tr').forEach((row, index) => row.setAttribute('data-key', key(rows[index])));
  return shown;
}

const keyOf = (node) => node.dataset?.key ?? null;

function merge(element, fresh) {
  const wanted = new Set(fresh.map(keyOf));
  const known = new Map([...element.childNodes].filter(keyOf).map((node) => [keyOf(node), node]));
  for (const [key, node] of known) if (!wanted.has(key)) node.remove();
  let at = element.firstChild;
  for (const node of fresh) {
    const there = keyOf(node) ? known.get(keyOf(node)) : at;
    if (there && there === at) {
      at = at.nextSibling;
      if (!settle(there, node)) there.replaceWith(node);
    } else {
      if (there) settle(there, node);
      element.insertBefore(there ?? node, at);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

/** Make `there` as `node` is; false: they are too different. */
function settle(there, node) {
  if (there.isEqualNode(node)) return true;
  const alike = there.nodeName === node.nodeName && keyOf(there) === keyOf(node);
  if (!alike || there.nodeType !== Node.ELEMENT_NODE) return false;
  for (const name of there.getAttributeNames()) if (!node.hasAttribute(name)) there.removeAttribute(name);
  for (const name of node.getAttributeNames()) there.setAttribute(name, node.getAttribute(name));
  merge(there, [...node.childNodes]);
  return true;
}

/**
 * A list that grows by pages and can be renewed in its place. `load(cursor, limit)` gives a page, `draw(rows)` what is
 * shown of all so far. `renewed()` asks again for as many rows as are shown; `begun()` for the first page.
 */
export function list(load, draw) {
  const shown = h('div');
  let rows = [];
  let cursor = null;
  let turn = 0;
  const more = h('button', { type: 'button', onclick: () => busy(more, () => grow(rows, cursor, PAGE)) }, 'Show more');
  const foot = h('div', { class: 'actions' }, more);

  async function grow(before, from, least) {
    const mine = ++turn;
    const found = [...before];
    let next = from;
    do {
      const page = await load(next, Math.min(MOST, least));
      found.push(...page.data);
      next = page.next_cursor;
    } while (next && found.length - before.length < least);
    const drawn = await draw(found);
    if (mine !== turn) return;
    rows = found;
    cursor = next;
    foot.hidden = !cursor;
    renew(shown, drawn);
  }
  return {
    element: h('div', {}, shown, foot),
    begun: () => grow([], null, PAGE),
    renewed: () => (more.disabled ? undefined : grow([], null, Math.max(rows.length, PAGE))),
  };
}

/**
 * One object under `path`, shown by `show({data, etag})`. `read()` asks for it; `changed(work)` shows the answer to a
 * change, and what was asked for before or meanwhile is not shown any more.
 */
export function kept(path, show, signal) {
  let turn = 0;
  return {
    read: async () => {
      const mine = ++turn;
      const answer = await get(path, {}, signal);
      if (mine === turn) await show(answer);
      return answer;
    },
    changed: async (work) => {
      const answer = await work;
      turn += 1;
      await show(answer);
      return answer;
    },
  };
}

/** Renew by `work` every 10 s while it is looked at; the element says when it last was, or why it could not be. */
export function renewedEvery10s(signal, work) {
  const clock = () => new Date().toLocaleTimeString(undefined, { timeStyle: 'medium' });
  const line = h('p', { class: 'quiet' });
  const fresh = () => line.replaceChildren(`As of ${clock()}. Renewed every 10 s while you look at it.`);
  fresh();
  whileVisible(10, signal, async () => {
    try {
      await work();
      fresh();
    } catch (failed) {
      if (failed.name === 'AbortError') return;
      problem(failed);
      line.replaceChildren(`Could not be renewed at ${clock()}: ${failed.message}. What is shown is older.`);
    }
  });
  return line;
}
