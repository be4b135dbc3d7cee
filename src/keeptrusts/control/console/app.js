// The frame of all pages: who is signed in, the way to each page, and the page itself.

import { may, resume, signIn, signOut, whenEnded, who } from './api.js';
import { fill, h } from './dom.js';
import { leaves } from './leaving.js';
import { field, form, problem } from './ui.js';

/** Path, words and scope; each page is `pages/<path>.js` with `show(place)`, which gives its content. */
const PAGES = [
  ['overview', 'Overview', 'events:read'],
  ['events', 'Events', 'events:read'],
  ['configurations', 'Configurations', 'configurations:read'],
  ['gateways', 'Gateways', 'gateways:read'],
  ['escalations', 'Escalations', 'escalations:read'],
  ['webhooks', 'Webhooks', 'webhooks:read'],
  ['exports', 'Exports', 'exports:read'],
  ['keys', 'Keys', 'tokens:read'],
  ['secrets', 'Secrets', 'variables:read'],
  ['audit-log', 'Audit log', 'audit:read'],
  ['playground', 'Playground', 'configurations:read'],
];

let leaving = new AbortController();

/** Where the address leads: `#/events/evt_1?verdict=blocked`. */
function place() {
  const [path, query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const [name = '', ...rest] = path.split('/').map(decodeURIComponent);
  return { name: name || 'overview', rest, query: new URLSearchParams(query) };
}

/** The way to a page. */
const pageLink = ([path, words], current) =>
  h('li', {}, h('a', { href: `#/${path}`, 'aria-current': path === current ? 'page' : null }, words));

function frame(current, content) {
  const session = who();
  fill(document.body,
    h('a', { class: 'skip', href: '#main', onclick: (event) => {
      event.preventDefault();
      document.querySelector('main').focus();
    } }, 'To the content'),
    h('header', {},
      h('a', { href: '#/overview', class: 'mark' }, h('img', { src: '/console/files/mark.svg', alt: '' }), 'Keeptrusts'),
      h('span', { class: 'quiet' }, `${session.organisation_name} · ${session.name} (${session.role})`),
      h('button', { type: 'button', onclick: async () => { await signOut(); await open(); } }, 'Sign out')),
    h('nav', { 'aria-label': 'Pages' },
      h('ul', {}, PAGES.filter(([, , scope]) => may(scope)).map((page) => pageLink(page, current)))),
    h('main', { id: 'main', tabindex: -1 }, content));
}

async function open() {
  leaving.abort();
  leaving = new AbortController();
  const here = { ...place(), signal: leaving.signal };
  if (here.name === 'welcome') return welcome(here.rest[0] ?? '');
  if (!who()) return signInPage();
  const page = PAGES.find(([path, , scope]) => path === here.name && may(scope));
  let content;
  try {
    content = page ? await (await import(`./pages/${page[0]}.js`)).show(here) : nowhere();
  } catch (failed) {
    if (failed.name === 'AbortError') return undefined;
    content = [h('h1', {}, page[1]), problem(failed)];
  }
  if (here.signal.aborted) return undefined;
  frame(here.name, content);
  return arrive();
}

/** Whoever cannot see that the page changed is told by where the focus is. */
function arrive() {
  const heading = document.querySelector('h1');
  document.title = `${heading.textContent} · Keeptrusts`;
  heading.tabIndex = -1;
  heading.focus();
}

const nowhere = () => [h('h1', {}, 'Nothing here'), h('p', {}, 'There is no such page, or your key may not see it.')];

function signInPage(failed = null) {
  const key = h('input', { name: 'key', type: 'password', required: true, autocomplete: 'off', spellcheck: 'false' });
  fill(document.body, h('main', { id: 'main', class: 'alone', tabindex: -1 },
    h('h1', {}, 'Sign in to Keeptrusts'),
    failed ? problem(failed) : null,
    form(async (said) => { await signIn(said); await open(); }, 'Sign in',
      field('API key', key, 'It begins with kt_key_. The first one was printed when the control plane first started.'))));
  arrive();
}

/** A link that signs in, once. */
function welcome(code) {
  fill(document.body, h('main', { id: 'main', class: 'alone', tabindex: -1 },
    h('h1', {}, 'Welcome to Keeptrusts'),
    h('p', {}, 'This link signs this browser in, once.'),
    form(async () => {
      try {
        await signIn({ code });
      } catch (failed) {
        history.replaceState(null, '', '#/');
        return signInPage(failed);
      }
      location.hash = '#/overview';
      return undefined;
    }, 'Sign in')));
  arrive();
}

whenEnded(() => open());
addEventListener('hashchange', (event) => { if (leaves(event)) open(); });
await resume();
await open();
