// Webhooks: who is told of what, and what became of each message.

import { delivery } from './webhooks/delivery.js';
import { detail } from './webhooks/detail.js';
import { changeWebhook, newWebhook } from './webhooks/editing.js';
import { all } from './webhooks/list.js';

export function show(place) {
  const [id, what] = place.rest;
  if (!id) return all(place);
  if (id === 'new') return newWebhook(place);
  if (what === 'change') return changeWebhook(place);
  return what === 'deliveries' ? delivery(place) : detail(place);
}
