// A new configuration, from a document that lints or from a copy of another.

import { get, may, send } from '../../api.js';
import { h } from '../../dom.js';
import { guard } from '../../leaving.js';
import { form } from '../../ui.js';
import { checking } from './checking.js';
import { forget, keep, kept } from './drafts.js';
import { editor } from './editor.js';
import { described, read } from './settings.js';
import { at, say, trail } from './words.js';

const BEGIN = `# What calls may do. It lints as it stands: change what does not fit, and add policies to the chain.
pack:
  name: new-policy
  version: 1.0.0
  enabled: true

policies:
  chain: [prompt-injection, secret-scanner, pii-detector, audit-logger]

policy:
  prompt-injection:
    response:
      action: block
  secret-scanner:
    action: redact
  pii-detector:
    action: redact
  audit-logger:
    retention_days: 30

# The key itself is never in a document: store it as the secret "openai-key", or name another.
providers:
  targets:
    - id: primary
      provider: openai
      secret_key_ref:
        store: openai-key
`;

export async function fresh({ query, signal }) {
  if (!may('configurations:write')) return [trail(), h('h1', {}, 'New configuration'), h('p', {}, 'Your key may not make one.')];
  const copied = query.get('copy');
  const text = copied ? (await get(at(copied), {}, signal)).data.policy_yaml : BEGIN;
  let saved = false;
  const document = editor(kept('new') ?? text, () => {
    saved = false;
    keep('new', document.text());
    checks.look(document.text());
  });
  const checks = checking({ id: null, signal, jump: document.jump, mark: document.mark });
  const drop = () => {
    saved = true;
    forget('new');
  };
  checks.look(document.text(), 0);
  guard(() => !saved && document.text() !== text, drop, signal);
  const make = async (said) => {
    const draft = { ...read(said), policy_yaml: document.text(), managed_by: 'console' };
    const { data } = await send('POST', '/v1/configurations', draft);
    drop();
    say('It is made. Give it to a gateway, which fetches it within seconds.');
    location.hash = `#/configurations/${data.id}`;
  };
  return [
    trail(),
    h('h1', {}, copied ? 'New configuration, from a copy' : 'New configuration'),
    form(make, 'Make it',
      described({ name: '', description: '', labels: {} }),
      h('div', { class: 'workbench' }, document.element, checks.findings)),
  ];
}
