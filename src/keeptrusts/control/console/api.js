// The REST API with the session of this browser.

/** A refusal: `status`, `code` and the `errors` of RFC 9457; the message says what to do. */
export class Problem extends Error {
  constructor(status, said) {
    super(said.detail ?? 'the control plane did not answer; try again');
    this.status = status;
    this.code = said.code ?? 'unreachable';
    this.errors = said.errors ?? [];
  }
}

/** It ended by itself or with its key, or it was ended in another tab. */
const OVER = ['session_ended', 'missing_api_key'];

let session = null;
const ended = new EventTarget();

/** Who is signed in, or null. */
export const who = () => session;

/** Whether they may do this (`configurations:write`). */
export const may = (scope) => session !== null && session.scopes.includes(scope);

/** `then` is called when the session has ended. */
export const whenEnded = (then) => ended.addEventListener('ended', then);

/** Ask who is signed in. */
export async function resume() {
  const answer = await fetch('/console/session', { headers: { accept: 'application/json' } }).catch(() => null);
  session = answer?.ok ? await answer.json() : null;
  return session;
}

/** Begin a session with `{key}` or `{code}`. */
export async function signIn(said) {
  session = (await send('POST', '/console/session', said)).data;
  return session;
}

/** End it in this browser. */
export async function signOut() {
  await send('DELETE', '/console/session').catch(() => null);
  session = null;
}

/** `data` and `etag` of one object or page. `query` leaves out what is empty. */
export function get(path, query = {}, signal = undefined) {
  return send('GET', path + written(query), undefined, { signal });
}

/** Change something. `etag`: only if it is still as it was read. */
export async function send(method, path, body = undefined, { etag, signal } = {}) {
  const headers = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (method !== 'GET' && session) headers['x-csrf-token'] = session.csrf_token;
  if (etag) headers['if-match'] = etag;
  const request = { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(path, request);
  } catch (failed) {
    if (failed.name === 'AbortError') throw failed;
    throw new Problem(0, {});
  }
  const text = await answer.text();
  const said = text ? JSON.parse(text) : null;
  if (answer.ok) return { data: said, etag: answer.headers.get('etag') };
  if (answer.status === 401 && session && OVER.includes(said?.code)) {
    session = null;
    ended.dispatchEvent(new Event('ended'));
  }
  throw new Problem(answer.status, said ?? {});
}

/** `?a=b` of what has a value. */
export function written(query) {
  const left = Object.entries(query).filter(([, value]) => value !== '' && value != null);
  return left.length ? `?${new URLSearchParams(left)}` : '';
}
