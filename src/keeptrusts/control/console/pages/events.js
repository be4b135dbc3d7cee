// What the gateways decided: the list, what comes in live, and each event whole.

import { event } from './events/detail.js';
import { events } from './events/list.js';

export const show = ({ rest: [id], query, signal }) => (id ? event(id, signal) : events(query, signal));
