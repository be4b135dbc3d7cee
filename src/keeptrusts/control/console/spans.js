// Lengths of time, in words.

const UNITS = [['day', 86_400], ['hour', 3600], ['minute', 60], ['second', 1]];

/** Its two largest units: `3 hours 5 minutes`. */
export function spanOf(milliseconds) {
  let rest = Math.max(0, Math.round(milliseconds / 1000));
  const first = UNITS.findIndex(([, size]) => rest >= size);
  if (first < 0) return '0 seconds';
  return UNITS.slice(first, first + 2).map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count ? `${count} ${unit}${count === 1 ? '' : 's'}` : '';
  }).filter(Boolean).join(' ');
}
