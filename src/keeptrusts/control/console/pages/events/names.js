// What gateways and configurations are called, for those who may know.

import { get, may } from '../../api.js';

const PAGES = 5;
const LISTS = { gateway_id: '/v1/gateways', configuration_id: '/v1/configurations' };

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

export const gatewaysOf = (signal) => all(LISTS.gateway_id, signal);

/** By the filters `gateway_id` and `configuration_id`: `names` by id, none of what the key may not read, and `hasMore`. */
export async function namesOf(signal) {
  const none = { names: new Map(), hasMore: false };
  const [gateways, configurations] = await Promise.all([
    may('gateways:read') ? gatewaysOf(signal) : none,
    may('configurations:read') ? all(LISTS.configuration_id, signal) : none,
  ]);
  return { gateway_id: gateways, configuration_id: configurations };
}

/** The id of what is called so; what is no name is taken for an id. */
export async function idOf(filter, typed, { names, hasMore }) {
  if (!typed || !hasMore || names.has(typed)) return typed;
  const { data } = await get(LISTS[filter], { name: typed, limit: 1 });
  return data.data[0]?.id ?? typed;
}
