// The line between one person's device and the server. Every request and every socket of that person goes through
// it, so that it can be cut like a real one: what is under way dies, and nothing comes up until it is whole again.

const BAD_LINE_BYTES = [2_000_000, 6_000_000];
const SLOW_BYTES_PER_SECOND = 400_000;
const SLOW_PIECE_BYTES = 100_000;

/** The connection died, or none came up. Going on later is right. */
export class LineDead extends Error {
  constructor(sent = 0) {
    super('the connection died');
    /** Bytes of the body that had left the page. */
    this.sent = sent;
  }
}

/**
 * Events: `change` (mode or tunnel), `lost` (a connection died), `exchange` (a request began or ended; `detail` is a
 * row of the wire's log).
 */
export class Network extends EventTarget {
  #tunnel = false;
  #mode = 'good';
  #open = new Set();

  get isUp() {
    return !this.#tunnel;
  }

  get mode() {
    return this.#mode;
  }

  set mode(mode) {
    this.#mode = mode;
    this.dispatchEvent(new Event('change'));
  }

  set tunnel(isIn) {
    if (this.#tunnel === isIn) return;
    this.#tunnel = isIn;
    if (isIn) this.#cutAll();
    this.dispatchEvent(new Event('change'));
  }

  /** The most bytes of a body that this line takes at once. */
  get piece() {
    return this.#mode === 'slow' ? SLOW_PIECE_BYTES : Infinity;
  }

  /** Resolves when the line is whole, or when the signal is aborted. */
  async whole(signal) {
    while (!this.isUp && !signal?.aborted) await once(this, 'change', signal);
  }

  /**
   * Sends a request and reads the whole answer.
   *
   * @param {string} method
   * @param {URL|string} url
   * @param {{headers?: object, body?: Blob|FormData|string, onSent?: (bytes: number) => void, signal?: AbortSignal}}
   * @returns {Promise<{status: number, header: (name: string) => string|null, text: string}>}
   * @throws {LineDead} when the connection dies, whatever killed it
   */
  async request(method, url, { headers = {}, body, onSent, signal } = {}) {
    const row = { at: Date.now(), method, path: pathOf(url), offset: headers['Upload-Offset'] ?? '' };
    if (!this.isUp) throw new LineDead();
    this.#tell(row);
    const began = performance.now();
    try {
      const answer = await this.#exchange(method, url, headers, body, onSent, signal);
      Object.assign(row, { status: answer.status, answered: answer.header('Upload-Offset') ?? '' });
      return answer;
    } catch (error) {
      row.status = error instanceof LineDead ? 'connection died' : 'given up';
      if (error instanceof LineDead) this.dispatchEvent(new Event('lost'));
      throw error;
    } finally {
      this.#tell(row);
      if (this.#mode === 'slow' && body?.size) await slowDown(body.size, began);
    }
  }

  #exchange(method, url, headers, body, onSent, signal) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const line = { sent: 0, cut: () => request.abort() };
      const diesAt = this.#mode === 'bad' ? between(...BAD_LINE_BYTES) : Infinity;
      const giveUp = () => request.abort();
      request.open(method, url);
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      if (body) {
        request.upload.addEventListener('progress', ({ loaded }) => {
          line.sent = loaded;
          onSent?.(loaded);
          if (loaded >= diesAt) request.abort();
        });
      }
      request.addEventListener('loadend', () => {
        this.#open.delete(line);
        signal?.removeEventListener('abort', giveUp);
        if (signal?.aborted) reject(signal.reason);
        else if (request.status === 0) reject(new LineDead(line.sent));
        else resolve(answerOf(request));
      });
      if (signal?.aborted) return reject(signal.reason);
      signal?.addEventListener('abort', giveUp);
      this.#open.add(line);
      request.send(body);
    });
  }

  /** A WebSocket that dies with the line. */
  socket(url) {
    if (!this.isUp) throw new LineDead();
    const socket = new WebSocket(url);
    const line = { cut: () => socket.close() };
    this.#open.add(line);
    socket.addEventListener('close', () => {
      this.#open.delete(line);
      this.dispatchEvent(new Event('lost'));
    });
    return socket;
  }

  #cutAll() {
    for (const line of this.#open) line.cut();
  }

  #tell(row) {
    this.dispatchEvent(new CustomEvent('exchange', { detail: row }));
  }
}

/** Waits so long, or until the line changes, or until the signal is aborted. */
export async function pause(network, milliseconds, signal) {
  const timer = new AbortController();
  const clock = setTimeout(() => timer.abort(), milliseconds);
  await once(network, 'change', signal ? AbortSignal.any([signal, timer.signal]) : timer.signal);
  clearTimeout(clock);
}

function once(target, event, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      target.removeEventListener(event, done);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    target.addEventListener(event, done);
    signal?.addEventListener('abort', done);
  });
}

function answerOf(request) {
  const { status, responseText: text } = request;
  return { status, text, header: (name) => request.getResponseHeader(name) };
}

function pathOf(url) {
  const { pathname } = new URL(url, location.href);
  return decodeURIComponent(pathname);
}

function between(least, most) {
  return least + Math.random() * (most - least);
}

function slowDown(bytes, began) {
  const left = (bytes / SLOW_BYTES_PER_SECOND) * 1000 - (performance.now() - began);
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, left)));
}
