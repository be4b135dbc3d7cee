// What a key of each role may do. A test compares it with what the control plane grants.

export const ROLES = [
  ['viewer', 'Viewer: sees what is governed and what happened'],
  ['auditor', 'Auditor: also exports evidence and reads the audit log'],
  ['editor', 'Editor: changes what is governed, and decides escalations'],
  ['admin', 'Admin: also hands out keys and secrets'],
];

const VIEWER = [
  'configurations:read', 'escalations:read', 'events:read', 'gateways:read', 'trail:read', 'webhooks:read',
];
const EDITOR = [
  ...VIEWER, 'configurations:write', 'escalations:write', 'exports:read', 'exports:write', 'gateways:write', 'runtime:use',
  'variables:read', 'webhooks:write',
];
const AUDITOR = [...VIEWER, 'audit:read', 'exports:read', 'exports:write'];
const ADMIN = [...EDITOR, 'audit:read', 'retention:write', 'tokens:read', 'tokens:write', 'variables:write'];

/** Without `identity:read`, which no key can be narrowed out of. */
export const SCOPES_OF = { viewer: VIEWER, auditor: AUDITOR, editor: EDITOR, admin: ADMIN };
