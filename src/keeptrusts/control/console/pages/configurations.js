// Policy documents: all of them, and one with its versions.

import { difference } from './configurations/differences.js';
import { list } from './configurations/list.js';
import { one } from './configurations/one.js';
import { version } from './configurations/versions.js';

export async function show(place) {
  const [id, part, number] = place.rest;
  if (id === undefined) return list(place);
  if (part === 'versions' && number !== undefined) return version(id, number, place);
  if (part === 'diff') return difference(id, place);
  return one(id, place);
}
