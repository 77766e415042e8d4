// Numbers and times as people say them.

const UNITS = ['bytes', 'kB', 'MB', 'GB'];

export function size(bytes) {
  let unit = 0;
  while (bytes >= 1000 && unit < UNITS.length - 1) {
    bytes /= 1000;
    unit += 1;
  }
  return `${unit === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toFixed(1)} ${UNITS[unit]}`;
}

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return '';
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s left`;
  return `${Math.round(seconds / 60)} min left`;
}

export function clock(time) {
  return new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

export function exactClock(time) {
  const form = { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 1, hour12: false };
  return new Date(time).toLocaleTimeString([], form);
}

/** A speed that calms itself: the mean of the last few seconds. */
export class Speed {
  #seen = [];

  see(bytes) {
    const now = performance.now();
    this.#seen.push({ now, bytes });
    while (this.#seen.length > 2 && now - this.#seen[0].now > 3000) this.#seen.shift();
  }

  /** Bytes a second; 0 while nothing is known. */
  get value() {
    const [first, last] = [this.#seen[0], this.#seen.at(-1)];
    const seconds = first ? (last.now - first.now) / 1000 : 0;
    return seconds > 0.2 ? Math.max(0, (last.bytes - first.bytes) / seconds) : 0;
  }

  forget() {
    this.#seen = [];
  }
}
