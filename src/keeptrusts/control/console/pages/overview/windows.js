// The windows that can be chosen, and how each is divided.

const HOUR_MS = 3_600_000;

/** `unit` and `step`: what one bar stands for, in the time of this browser. */
export const WINDOWS = {
  '1h': { words: '1 hour', lasts_ms: HOUR_MS, unit: 'Minutes', step: 5, step_ms: HOUR_MS / 12, bars: 12 },
  '24h': { words: '24 hours', lasts_ms: 24 * HOUR_MS, unit: 'Hours', step: 1, step_ms: HOUR_MS, bars: 24 },
  '7d': { words: '7 days', lasts_ms: 168 * HOUR_MS, unit: 'Hours', step: 12, bars: 14 },
  '30d': { words: '30 days', lasts_ms: 720 * HOUR_MS, unit: 'Date', step: 1, bars: 30 },
};

/** Where the bars begin and end, oldest first; the last one is not over yet. */
export function bounds(name, now) {
  const { unit, step, step_ms, bars } = WINDOWS[name];
  const last = new Date(now);
  if (unit === 'Minutes') last.setMinutes(last.getMinutes() - (last.getMinutes() % step), 0, 0);
  else if (unit === 'Hours') last.setHours(last.getHours() - (last.getHours() % step), 0, 0, 0);
  else last.setHours(0, 0, 0, 0);
  const moved = (count) => {
    // an hour that a change of the clocks repeats or leaves out has a bar, or none, like any other
    if (step_ms) return new Date(last.getTime() + count * step_ms);
    const moment = new Date(last);
    moment[`set${unit}`](moment[`get${unit}`]() + count * step);
    return moment;
  };
  return Array.from({ length: bars }, (_, index) =>
    ({ since: moved(index + 1 - bars), until: moved(index + 2 - bars), unit, isLast: index === bars - 1 }));
}

/** When a bar begins, as short as can be told apart. */
export function label({ since, unit }) {
  const day = { day: 'numeric', month: 'short' };
  const hour = { hour: '2-digit', minute: '2-digit' };
  const isMidnight = since.getHours() === 0 && since.getMinutes() === 0;
  return since.toLocaleString(undefined, unit === 'Date' || isMidnight ? day : hour);
}

/** The whole span of a bar. */
export function spanWords({ since, until, unit, isLast }) {
  const full = { weekday: 'short', day: 'numeric', month: 'short' };
  const hour = { hour: '2-digit', minute: '2-digit' };
  if (unit === 'Date') return since.toLocaleDateString(undefined, full) + (isLast ? ' (so far)' : '');
  const end = isLast ? 'now' : until.toLocaleTimeString(undefined, hour);
  return `${since.toLocaleString(undefined, { ...full, ...hour })} – ${end}`;
}
