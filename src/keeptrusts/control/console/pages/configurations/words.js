// How the parts of a configuration are written on every page of it.

import { get, may, who } from '../../api.js';
import { h } from '../../dom.js';

const OWNERS = { terraform: 'Terraform', console: 'Console', cli: 'kt', api: 'API' };

/** The path of one configuration, or of a part of it. */
export const at = (id, ...parts) => ['/v1/configurations', ...[id, ...parts].map(encodeURIComponent)].join('/');

/** The way back, above the heading. */
export const trail = (configuration = null) => h('p', { class: 'trail' },
  h('a', { href: '#/configurations' }, 'Configurations'),
  configuration ? [' / ', h('a', { href: `#/configurations/${configuration.id}` }, configuration.name)] : null);

/** Who keeps it, in words. */
export const owner = (managedBy) => OWNERS[managedBy] ?? managedBy;

/** Labels, each in one piece. */
export const labelled = (labels) =>
  Object.entries(labels).map(([key, value]) => h('span', { class: 'label' }, `${key}=${value}`));

/** Names of keys, as far as this role may know them; others are told by their ids. */
export async function authors(signal) {
  const names = new Map();
  if (may('tokens:read')) {
    const { data } = await get('/v1/tokens', { limit: 200 }, signal);
    for (const key of data.data) names.set(key.id, key.name);
  }
  return (id) => (id === who().key_id ? `${who().name} (you)` : names.get(id) ?? id);
}

/** A document with numbered lines, which are not copied with it. */
export const numbered = (text, label) =>
  h('pre', { class: 'numbered', tabindex: 0, role: 'region', 'aria-label': label },
    h('code', {}, text.replace(/\n$/, '').split('\n').map((line) => h('span', { class: 'line' }, line))));

let said = null;

/** Say this on the page that comes next. */
export const say = (words) => { said = words; };

/** What the page before had to say, once. */
export function heard() {
  const words = said;
  said = null;
  return words;
}
