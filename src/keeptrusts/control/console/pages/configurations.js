// Policy documents: all of them, and one with its versions.

import { list } from './configurations/list.js';
import { one } from './configurations/one.js';

export async function show(place) {
  const [id] = place.rest;
  if (id === undefined) return list(place);
  return one(id, place);
}
