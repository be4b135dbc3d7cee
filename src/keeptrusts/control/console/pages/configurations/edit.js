// The editor's page: what is typed, what is said of it, and saving it as the next version.

import { get, may, send } from '../../api.js';
import { fill, h } from '../../dom.js';
import { guard } from '../../leaving.js';
import { busy, field, form, when } from '../../ui.js';
import { checking } from './checking.js';
import { lines, meaning } from './differences.js';
import { again, forget, keep, kept } from './drafts.js';
import { editor } from './editor.js';
import { simulating } from './simulating.js';
import { at, authors, say, trail } from './words.js';

export async function edit(id, { signal }) {
  const [{ data, etag }, nameOf] = await Promise.all([get(at(id), {}, signal), authors(signal)]);
  if (!may('configurations:write')) return [trail(data), h('h1', {}, data.name), h('p', {}, 'Your key may read it, and not change it.')];
  const draft = kept(data.id);
  const page = new Page(data, etag, { nameOf, draft, signal });
  return page.content();
}

/** One visit of it. `base`: the version, and `etag`: the state, that what is typed began from. */
class Page {
  constructor(data, etag, { nameOf, draft, signal }) {
    Object.assign(this, { base: data, read: etag, etag: draft?.etag ?? etag, nameOf, draft, signal });
    this.editor = editor(draft?.text ?? data.policy_yaml, () => this.typed());
    this.checks = checking({ id: data.id, signal, jump: this.editor.jump, mark: this.editor.mark });
    this.message = h('input', { name: 'message', value: draft?.message ?? '', maxlength: 2000, oninput: () => this.typed() });
    this.note = h('div');
    this.checks.look(this.editor.text(), 0);
    guard(() => this.unsaved(), () => this.drop(), signal);
  }

  content() {
    const { base, draft } = this;
    return [
      trail(base),
      h('h1', {}, `Edit ${base.name}`),
      base.managed_by === 'terraform' ? h('p', { class: 'note' },
        'Terraform manages this configuration: what you save here is drift, and its next apply takes it back.') : null,
      draft ? again(() => this.discard()) : null,
      h('div', { class: 'workbench' }, this.editor.element, this.checks.findings),
      this.checks.changes,
      simulating(base.id, this.editor.text, this.signal),
      h('h2', {}, 'Save'),
      form(() => this.save(), 'Save as the next version',
        field('Message', this.message, 'Why it is changed, for whoever reads the versions. May be left out.'),
        this.note),
      h('p', {}, h('a', { href: `#/configurations/${base.id}` }, 'Back without saving')),
    ];
  }

  discard() {
    this.etag = this.read;
    this.message.value = '';
    this.editor.write(this.base.policy_yaml);
  }

  unsaved() {
    return !this.dropped && (this.editor.text() !== this.base.policy_yaml || this.message.value !== '');
  }

  drop() {
    this.dropped = true;
    forget(this.base.id);
  }

  typed() {
    this.dropped = false;
    if (this.unsaved()) keep(this.base.id, { text: this.editor.text(), message: this.message.value, etag: this.etag });
    else forget(this.base.id);
    this.checks.look(this.editor.text());
  }

  async save() {
    fill(this.note);
    const body = { policy_yaml: this.editor.text(), message: this.message.value || null };
    if (this.base.managed_by !== 'terraform') body.managed_by = 'console';
    try {
      this.saved(await send('PATCH', at(this.base.id), body, { etag: this.etag }));
    } catch (failed) {
      if (failed.status !== 412) throw failed;
      await this.overtaken();
    }
  }

  saved({ data, etag }) {
    if (data.version === this.base.version) {
      this.etag = etag;
      this.base = { ...data, policy_yaml: this.base.policy_yaml };
      fill(this.note, h('p', { class: 'note', role: 'alert' },
        `It means what version ${data.version} means, so no version was made. Comments, spelling and the order of keys alone are not kept.`));
      return;
    }
    this.drop();
    say(`Version ${data.version} is saved. Gateways that follow the newest version run it within seconds.`);
    location.hash = `#/configurations/${data.id}`;
  }

  /** Somebody else was faster. Nothing is lost: theirs is stored, this is still typed. */
  async overtaken() {
    const { data, etag } = await get(at(this.base.id), {}, this.signal);
    const shown = h('div');
    const look = h('button', { type: 'button' }, 'Look at the difference');
    const over = h('button', { type: 'button', class: 'danger' }, `Save over version ${data.version}`);
    over.addEventListener('click', () => busy(over, () => {
      Object.assign(this, { base: data, etag });
      return this.save();
    }));
    look.addEventListener('click', () => busy(look, async () => {
      const { data: found } = await send('POST', at(data.id, 'diff'), { policy_yaml: this.editor.text() }, { signal: this.signal });
      fill(shown, h('h3', {}, `From version ${data.version} to what you typed`), meaning(found),
        found.text === null ? null : lines(found.text), h('div', { class: 'actions' }, over));
    }));
    fill(this.note, h('section', { class: 'problem', role: 'alert' },
      h('p', {}, `Somebody else changed it while you were typing: version ${data.version} is current, and ${this.nameOf(data.updated_by)} changed it last, at `,
        when(data.updated_at), '. What you typed is still here, and not saved.'),
      h('div', { class: 'actions' }, look)), shown);
  }
}
