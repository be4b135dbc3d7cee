// Decisions by verdict, for the whole window and for each of its bars.

import { get } from '../../api.js';

const AT_ONCE = 4;

/** From the mildest to the worst, as they are stacked. */
export const VERDICTS = ['allowed', 'redacted', 'escalated', 'blocked', 'failed'];

export const counted = async (query, signal) => (await get('/v1/events/stats', query, signal)).data;

/**
 * The spans with their counts, a few at a time. Those that ended a while ago are read once and then kept in `kept`:
 * a gateway that could not report sends what it had later, but rarely.
 */
export async function spansOf(spans, kept, signal) {
  const found = new Array(spans.length);
  let next = 0;
  const work = async () => {
    while (next < spans.length) {
      const index = next++;
      found[index] = await read(spans[index], index >= spans.length - 2, kept, signal);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found;
}

async function read(span, isFresh, kept, signal) {
  const query = { since: span.since.toISOString(), until: span.until.toISOString() };
  const name = `${query.since} ${query.until}`;
  const known = kept.get(name);
  if (known && !isFresh) return { ...span, verdicts: known };
  const { verdicts } = await counted(query, signal);
  kept.set(name, verdicts);
  return { ...span, verdicts };
}
