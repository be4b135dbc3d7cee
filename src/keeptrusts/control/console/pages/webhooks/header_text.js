// Headers as people type them: `Name: value`, one a line.

import { Problem } from '../../api.js';

export function readHeaders(text) {
  const lines = text.split('\n').map((line) => line.trim()).filter(Boolean);
  return Object.fromEntries(lines.map((line) => {
    const at = line.indexOf(':');
    if (at < 1) throw new Problem(422, { detail: 'write each header as Name: value' });
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  }));
}
