// Policy documents: all of them, and one with its versions.

import { difference } from './configurations/differences.js';
import { edit } from './configurations/edit.js';
import { list } from './configurations/list.js';
import { fresh } from './configurations/new.js';
import { one } from './configurations/one.js';
import { settings } from './configurations/settings.js';
import { version } from './configurations/versions.js';

export async function show(place) {
  const [id, part, number] = place.rest;
  if (id === undefined) return list(place);
  if (id === 'new') return fresh(place);
  if (part === 'versions' && number !== undefined) return version(id, number, place);
  if (part === 'diff') return difference(id, place);
  if (part === 'edit') return edit(id, place);
  if (part === 'settings') return settings(id, place);
  return one(id, place);
}
