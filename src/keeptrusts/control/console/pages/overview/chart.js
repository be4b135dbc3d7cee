// Decisions over time: stacked bars, and the same figures as a table.

import { fill, h, svg } from '../../dom.js';
import { renew } from '../../renewing.js';
import { table } from '../../ui.js';
import { VERDICTS } from './counts.js';
import { label, spanWords } from './windows.js';

const HEIGHT = 220;
const EDGES = { top: 12, right: 8, bottom: 26, left: 48 };
const LABEL_WIDTH = 64;
/** A single blocked request among ten thousand can still be seen. */
const LEAST = 2;

const totalOf = ({ verdicts }) => VERDICTS.reduce((sum, verdict) => sum + verdicts[verdict], 0);
const hrefOf = ({ since, until }) =>
  `#/events?${new URLSearchParams({ since: since.toISOString(), until: until.toISOString() })}`;

/** `draw(spans)` shows others; it is drawn again when its width changes. */
export function chart(signal) {
  const picture = h('div', { class: 'chart' });
  const rows = h('div');
  const element = h('div', {}, legend(), picture,
    h('details', {}, h('summary', {}, 'The same figures as a table'), rows));
  let spans = [];
  let width = 0;
  const paint = () => (width ? fill(picture, drawing(spans, width)) : null);
  const watch = new ResizeObserver(([{ contentRect }]) => {
    if (Math.abs(contentRect.width - width) < 1) return;
    width = contentRect.width;
    paint();
  });
  watch.observe(picture);
  signal.addEventListener('abort', () => watch.disconnect());
  return { element, draw: (found) => {
    spans = found;
    paint();
    renew(rows, figures(spans));
  } };
}

const legend = () => h('ul', { class: 'legend' }, VERDICTS.map((verdict) =>
  h('li', {}, svg('svg', { class: 'chart-key', viewBox: '0 0 12 12', 'aria-hidden': 'true' },
    svg('rect', { class: `bar-${verdict}`, width: 12, height: 12, rx: 2 })), verdict)));

const figures = (spans) => table('Decisions over time by verdict', [
  ['Time', (span) => h('a', { href: hrefOf(span) }, spanWords(span))],
  ...VERDICTS.map((verdict) => [verdict[0].toUpperCase() + verdict.slice(1), (span) => span.verdicts[verdict].toLocaleString()]),
  ['All', (span) => totalOf(span).toLocaleString()],
], [...spans].reverse(), 'Nothing was decided yet.');

function drawing(spans, width) {
  const top = scaleFor(Math.max(...spans.map(totalOf)));
  const step = (width - EDGES.left - EDGES.right) / spans.length;
  const each = Math.max(1, Math.ceil(LABEL_WIDTH / step));
  const height = HEIGHT - EDGES.top - EDGES.bottom;
  const y = (count) => EDGES.top + height * (1 - count / top);
  return svg('svg', {
    width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: 'img',
    'aria-label': 'Bars of the decisions over time by verdict. The table below has the same figures.',
  },
  [0, top / 2, top].map((count) => [
    svg('line', { class: 'grid', x1: EDGES.left, x2: width - EDGES.right, y1: y(count), y2: y(count) }),
    svg('text', { x: EDGES.left - 8, y: y(count) + 4, 'text-anchor': 'end' }, brief(count)),
  ]),
  spans.map((span, index) => bar(span, { left: EDGES.left + index * step, step, height, top })),
  spans.map((span, index) => (index % each ? null : svg('text', {
    x: EDGES.left + (index + 0.5) * step, y: HEIGHT - 8, 'text-anchor': 'middle',
  }, label(span)))));
}

function bar(span, { left, step, height, top }) {
  const gap = Math.min(6, step / 5);
  let bottom = EDGES.top + height;
  const parts = VERDICTS.filter((verdict) => span.verdicts[verdict]).map((verdict) => {
    const tall = Math.max(LEAST, (height * span.verdicts[verdict]) / top);
    bottom -= tall;
    return svg('rect', { class: `bar-${verdict}`, x: left + gap / 2, y: bottom, width: step - gap, height: tall });
  });
  const told = VERDICTS.filter((verdict) => span.verdicts[verdict]).map((verdict) => `${span.verdicts[verdict].toLocaleString()} ${verdict}`);
  const whole = svg('g', { class: 'bar' },
    svg('title', {}, `${spanWords(span)}: ${told.join(', ') || 'nothing'}`),
    svg('rect', { class: 'under', x: left, y: EDGES.top, width: step, height }), parts);
  // for a mouse; the same link is in the table
  whole.addEventListener('click', () => { location.hash = hrefOf(span); });
  return whole;
}

/** The next round figure that both lines of the grid can have as whole numbers. */
function scaleFor(most) {
  const power = 10 ** Math.floor(Math.log10(Math.max(most, 2)));
  return [1, 2, 4, 6, 8, 10].map((factor) => factor * power).find((top) => top >= most && top % 2 === 0) ?? 10 * power;
}

const brief = (count) => count.toLocaleString(undefined, { notation: 'compact' });
