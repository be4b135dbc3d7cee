// Labels as people type them: `key=value`.

import { Problem } from '../../api.js';

/** `{key: value}` of a text whose pairs `between` stands between. */
export function readLabels(text, between) {
  const pairs = text.split(between).map((pair) => pair.trim()).filter(Boolean);
  return Object.fromEntries(pairs.map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1) throw new Problem(422, { detail: 'write each label as key=value' });
    return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
  }));
}

/** The other way, a line each. */
export const writeLabels = (pairs) => Object.entries(pairs).sort().map(([key, value]) => `${key}=${value}`).join('\n');
