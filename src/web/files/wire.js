// The log of requests as they go over the wire, newest first.

import { exactClock } from './words.js';

const MOST_ROWS = 200;
const rows = document.getElementById('wire-rows');
const log = document.getElementById('wire');

log.addEventListener('toggle', () => log.open && log.scrollIntoView({ block: 'end' }));

/** Logs what goes over a person's line. */
export function logWire(network, name) {
  const shown = new WeakMap();
  network.addEventListener('exchange', ({ detail }) => {
    let row = shown.get(detail);
    if (!row) {
      row = document.createElement('tr');
      shown.set(detail, row);
      rows.prepend(row);
      while (rows.children.length > MOST_ROWS) rows.lastElementChild.remove();
    }
    fill(row, [
      exactClock(detail.at),
      name,
      `${detail.method} ${short(detail.path)}`,
      offsets(detail),
      String(detail.status ?? '…'),
    ]);
    row.className = detail.status === undefined || detail.status < 300 ? '' : 'cut';
  });
}

function offsets({ offset, answered }) {
  const known = [offset, answered].filter((text) => text !== undefined && text !== null);
  return known.map((text) => Number(text).toLocaleString()).join(' → ');
}

/** Ids in the middle of a path say little. */
function short(path) {
  return path.replace(/([0-9a-f]{6})[0-9a-f-]{14,}/g, '$1…');
}

function fill(row, texts) {
  const cells = texts.map((text) => Object.assign(document.createElement('td'), { textContent: text }));
  row.replaceChildren(...cells);
}
