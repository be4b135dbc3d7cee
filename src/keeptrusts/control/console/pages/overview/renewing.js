// Showing something anew without taking the focus away from whoever is in it.

import { fill } from '../../dom.js';

const drawn = new WeakMap();

/** Fill `area` with what `draw` gives, if `of` is not what it was drawn of; the focus stays where it was. */
export function renew(area, of, draw) {
  const written = JSON.stringify(of);
  if (drawn.get(area) === written) return;
  drawn.set(area, written);
  const focused = area.contains(document.activeElement) ? keyOf(document.activeElement) : null;
  fill(area, draw());
  const same = focused && [...area.querySelectorAll('a, button, [tabindex]')].find((one) => keyOf(one) === focused);
  same?.focus({ preventScroll: true });
}

const keyOf = (element) => element.getAttribute('href') ?? element.getAttribute('aria-label') ?? element.textContent;
