// What gateways and configurations are called, for those who may know.

import { get, may } from '../../api.js';

const PAGES = 5;

/** The newest thousand: `list`, `names` by id, and whether there are more. */
async function all(path, signal) {
  const list = [];
  let cursor = null;
  for (let page = 0; page < PAGES; page += 1) {
    const { data } = await get(path, { limit: 200, cursor }, signal);
    list.push(...data.data);
    cursor = data.next_cursor;
    if (!cursor) break;
  }
  return { list, names: new Map(list.map((one) => [one.id, one.name])), hasMore: cursor !== null };
}

export const gatewaysOf = (signal) => all('/v1/gateways', signal);

/** `gateways` and `configurations`: names by id; of what the key may not read there are none. */
export async function namesOf(signal) {
  const none = { names: new Map() };
  const [gateways, configurations] = await Promise.all([
    may('gateways:read') ? gatewaysOf(signal) : none,
    may('configurations:read') ? all('/v1/configurations', signal) : none,
  ]);
  return { gateways: gateways.names, configurations: configurations.names };
}
