// Configurations by their names, for whoever may see them.

import { get, may } from '../../api.js';
import { h } from '../../dom.js';
import { short } from '../../ui.js';

const READ = 'configurations:read';

const MOST_PAGES = 5;

/** Every configuration, newest first; null when there are more than one can choose from, or none may be seen. */
export async function configurations(signal) {
  if (!may(READ)) return null;
  const found = [];
  let cursor = null;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const { data } = await get('/v1/configurations', { limit: 200, cursor }, signal);
    found.push(...data.data);
    cursor = data.next_cursor;
    if (!cursor) return found;
  }
  return null;
}

/** `named(gateways)` finds out the configurations of these, and gives a map from their ids. */
export function naming(signal) {
  return async (gateways) => {
    const ids = [...new Set(gateways.flatMap((one) => [one.configuration_id, one.stable?.configuration_id]))];
    const wanted = may(READ) ? ids.filter(Boolean) : [];
    // one that was deleted meanwhile is shown by its id
    const found = await Promise.all(wanted.map((id) => get(`/v1/configurations/${id}`, {}, signal).catch(ignored)));
    return new Map(found.filter(Boolean).map(({ data }) => [data.id, data]));
  };
}

function ignored(failed) {
  if (failed.name === 'AbortError') throw failed;
  return null;
}

/** The way to a configuration, by its name where that is known. */
export const configurationLink = (id, known) =>
  may(READ) ? h('a', { href: `#/configurations/${encodeURIComponent(id)}` }, known.get(id)?.name ?? id) : short(id, 20);

/** What a gateway is to run, in words. */
export function runs(gateway, known) {
  if (!gateway.configuration_id) return h('span', { class: 'bad' }, 'none: it refuses traffic');
  const pinned = gateway.configuration_version;
  const latest = known.get(gateway.configuration_id)?.version;
  const version = pinned ? `version ${pinned} (pinned)` : `latest${latest ? `, version ${latest}` : ''}`;
  return [configurationLink(gateway.configuration_id, known), h('br'), h('span', { class: 'quiet one-line' }, version)];
}
