// How far an export is, and what it became.

import { h } from '../../dom.js';

export const isUnderWay = (row) => row.state === 'queued' || row.state === 'running';

export const counted = (number) => number.toLocaleString();

/** A size for people. */
export function sizeOf(bytes) {
  if (bytes == null) return '';
  const step = Math.min(4, Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(1024)));
  const shown = (bytes / 1024 ** step).toLocaleString(undefined, { maximumFractionDigits: step ? 1 : 0 });
  return `${shown} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][step]}`;
}

/** A bar while it is under way, and always words. */
export function progress(row) {
  const known = row.rows_total != null;
  const words = known && row.state !== 'completed'
    ? `${counted(row.rows_done)} of ${counted(row.rows_total)} rows`
    : `${counted(row.rows_done)} ${row.rows_done === 1 ? 'row' : 'rows'}`;
  if (row.state === 'queued') return 'waits for its turn';
  if (row.state !== 'running') return words;
  const far = known ? { max: Math.max(row.rows_total, 1), value: row.rows_done } : {};
  return [h('progress', { 'aria-label': 'Rows written', ...far }), h('br'), words];
}

export const fileOf = (row) => `${row.type}-${row.id}.${row.format}`;

/** Fetched from this server with the session's cookie. */
export const download = (row, attributes = {}) =>
  h('a', { href: `/v1/exports/jobs/${row.id}/download`, download: fileOf(row), ...attributes },
    'Download', h('span', { class: 'hidden' }, ` ${fileOf(row)}`));
