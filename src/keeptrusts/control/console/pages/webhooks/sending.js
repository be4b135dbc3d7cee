// A message that was asked for is followed until its first attempt is over.

import { get, send } from '../../api.js';
import { fill, h } from '../../dom.js';
import { outcome } from './words.js';

const LOOKS = 20;

/** POST to `path`, which makes a delivery; what became of it. `what` is what people call it. */
export async function sent(here, path, what) {
  fill(here.said, h('p', { class: 'note', role: 'status' }, 'Waiting for the endpoint …'));
  let { data } = await send('POST', path);
  // an attempt takes 15 s at most
  for (let look = 0; look < LOOKS && data.state === 'pending' && !data.attempts; look += 1) {
    await pause(look < 4 ? 250 : 1000, here.signal);
    ({ data } = await get(`${here.path}/deliveries/${data.id}`, {}, here.signal));
  }
  await here.deliveries.renewed();
  return h('div', { role: 'status' }, h('strong', {}, `${what}: `),
    h('a', { href: `#/webhooks/${here.webhook.id}/deliveries/${data.id}` }, data.id), outcome(data));
}

const pause = (length, signal) =>
  new Promise((go, stop) => {
    const timer = setTimeout(go, length);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      stop(new DOMException('the page was left', 'AbortError'));
    }, { once: true });
  });
