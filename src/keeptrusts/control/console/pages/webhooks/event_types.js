// What a webhook can be told of; a test compares it with the API's list.

export const EVENT_TYPES = [
  ['event', 'Decisions', ['allowed', 'blocked', 'redacted', 'escalated', 'failed']],
  ['escalation', 'Escalations', ['created', 'claimed', 'resolved', 'expired']],
  ['configuration', 'Configurations', ['created', 'updated', 'deleted', 'rolled_back', 'deployed']],
  ['gateway', 'Gateways', ['created', 'deleted', 'health_changed', 'drift_detected']],
  ['export', 'Exports', ['completed', 'failed']],
  ['webhook', 'This webhook', ['test']],
  ['budget', 'Budgets', ['threshold_reached']],
  ['trail', 'Trail', ['sealed']],
];

/** The glob and the types of a group that have a check box. */
export const boxes = ([noun, , words]) => ({
  glob: words.length > 1 ? `${noun}.*` : null,
  types: words.map((word) => `${noun}.${word}`),
});

export const OFFERED = new Set(['*', ...EVENT_TYPES.map(boxes).flatMap(({ glob, types }) => [glob, ...types])]);
