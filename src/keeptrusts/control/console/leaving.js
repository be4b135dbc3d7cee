// Nobody leaves a page by accident with something unsaved in it.

import { sure } from './ui.js';

let guarded = null;

/** Have it asked before this page is left while `unsaved()`; `forget()` is called when it is left all the same. */
export function guard(unsaved, forget, signal) {
  guarded = { unsaved, forget };
  signal.addEventListener('abort', () => { guarded = null; });
  addEventListener('beforeunload', (event) => { if (unsaved()) event.preventDefault(); }, { signal });
}

/** For the frame: whether the next page may be shown now. Where it has to be asked first, the address is as before. */
export function leaves({ oldURL, newURL }) {
  if (!guarded?.unsaved()) return true;
  history.pushState(null, '', oldURL);
  if (!document.querySelector('dialog[open]')) ask(guarded, new URL(newURL).hash);
  return false;
}

async function ask({ forget }, wanted) {
  if (!(await sure('Leave without saving? What you typed is lost.', 'Leave'))) return;
  forget();
  location.hash = wanted;
}
