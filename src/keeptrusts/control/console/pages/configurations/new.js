// A new configuration, from a document that lints or from a copy of another.

import { get, may, send } from '../../api.js';
import { h } from '../../dom.js';
import { guard } from '../../leaving.js';
import { form } from '../../ui.js';
import { checking } from './checking.js';
import { again, forget, keep, kept } from './drafts.js';
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
  const draft = new Draft(`new ${copied ?? ''}`, text, signal);
  return [
    trail(),
    h('h1', {}, copied ? 'New configuration, from a copy' : 'New configuration'),
    draft.restored ? again(() => draft.editor.write(text)) : null,
    draft.form(),
  ];
}

/** What is typed until it is made. `place`: under what it is kept in this tab. */
class Draft {
  constructor(place, text, signal) {
    Object.assign(this, { place, text, restored: kept(place), isNamed: false, isLeft: false });
    this.editor = editor(this.restored ?? text, () => this.typed());
    this.checks = checking({ id: null, signal, jump: this.editor.jump, mark: this.editor.mark });
    this.checks.look(this.editor.text(), 0);
    guard(() => !this.isLeft && (this.isNamed || this.editor.text() !== text), () => this.drop(), signal);
  }

  form() {
    const named = h('div', { oninput: () => { this.isNamed = true; } }, described({ name: '', description: '', labels: {} }));
    return form((said) => this.make(said), 'Make it', named,
      h('div', { class: 'workbench' }, this.editor.element, this.checks.findings));
  }

  typed() {
    if (this.editor.text() === this.text) forget(this.place);
    else keep(this.place, this.editor.text());
    this.checks.look(this.editor.text());
  }

  drop() {
    this.isLeft = true;
    forget(this.place);
  }

  async make(said) {
    const draft = { ...read(said), policy_yaml: this.editor.text(), managed_by: 'console' };
    const { data } = await send('POST', '/v1/configurations', draft);
    this.drop();
    say('It is made. Give it to a gateway, which fetches it within seconds.');
    location.hash = `#/configurations/${data.id}`;
  }
}
