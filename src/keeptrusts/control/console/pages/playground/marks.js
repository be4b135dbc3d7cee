// Two texts, with what is only in one of them marked.

import { h } from '../../dom.js';

/** Of longer texts only the ends are compared: the work grows with the square of what differs. */
const MOST_WORDS = 1500;

/** `[before, after]` as content; `after` null: there is none, and nothing is marked. */
export function compared(before, after) {
  if (after == null || before === after) return [before, after];
  const [a, b] = [before, after].map((text) => text.match(/\s+|[\p{L}\p{N}_]+|./gsu) ?? []);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const [left, right] = [a, b].map((words) => words.slice(start, words.length - end));
  const [gone, come] = left.length > MOST_WORDS || right.length > MOST_WORDS
    ? [left.map(() => true), right.map(() => true)] : apart(left, right);
  const whole = (words, differs, tag) =>
    [words.slice(0, start).join(''), ...runs(words.slice(start, words.length - end), differs, tag),
      words.slice(words.length - end).join('')];
  return [whole(a, gone, 'del'), whole(b, come, 'ins')];
}

/** For each word of both, whether it is in no longest common part. */
function apart(a, b) {
  const width = b.length + 1;
  const common = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      common[i * width + j] = a[i] === b[j] ? common[(i + 1) * width + j + 1] + 1
        : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  const [gone, come] = [a.map(() => true), b.map(() => true)];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) gone[i++] = come[j++] = false;
    else if (common[(i + 1) * width + j] >= common[i * width + j + 1]) i += 1;
    else j += 1;
  }
  return [gone, come];
}

/** Words that differ stand together in one element. */
function runs(words, differs, tag) {
  const found = [];
  words.forEach((word, index) => {
    const last = found.at(-1);
    if (last && last.differs === differs[index]) last.text += word;
    else found.push({ text: word, differs: differs[index] });
  });
  return found.map(({ text, differs: marked }) => (marked ? h(tag, {}, text) : text));
}
