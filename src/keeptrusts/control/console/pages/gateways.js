// Gateways: the fleet, each of them, and what they are to run.

import { changeGateway, newGateway } from './gateways/editing.js';
import { fleet } from './gateways/fleet.js';
import { detail } from './gateways/detail.js';

export function show(place) {
  const [id, what] = place.rest;
  if (!id) return fleet(place);
  if (id === 'new') return newGateway(place);
  return what === 'change' ? changeGateway(place) : detail(place);
}
