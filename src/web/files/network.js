// The line between one person's device and the server. Every request and every socket of that person goes through
// it, so that it can be cut like a real one: what is under way dies, and nothing comes up until it is whole again.

const MODES = {
  good: { rate: 3_000_000 },
  bad: { rate: 3_000_000, bytesUntilDeath: [2_000_000, 6_000_000] },
  slow: { rate: 300_000 },
  cable: { rate: Infinity },
};
const PIECE_SECONDS = 0.25;
const TICK_MS = 100;

/** The connection died, or none came up. Going on later is right. */
export class LineDead extends Error {
  constructor(sent = 0) {
    super('the connection died');
    /** Bytes of the body that had left the page. */
    this.sent = sent;
  }
}

/**
 * Events: `change` (mode or tunnel), `lost` (a connection that had come up died), `exchange` (a request began or
 * ended; `detail` is a row of the wire's log).
 */
export class Network extends EventTarget {
  #tunnel = false;
  #mode = 'good';
  #bearable = Infinity;
  #open = new Set();
  #carried = new Set();

  get isUp() {
    return !this.#tunnel;
  }

  get mode() {
    return this.#mode;
  }

  set mode(mode) {
    this.#mode = mode in MODES ? mode : 'good';
    this.#renew();
    this.dispatchEvent(new Event('change'));
  }

  set tunnel(isIn) {
    if (this.#tunnel === isIn) return;
    this.#tunnel = isIn;
    if (isIn) this.#cutAll();
    this.dispatchEvent(new Event('change'));
  }

  /** The most bytes of a body that this line takes at once: a browser cannot be made to send slowly. */
  get piece() {
    return this.#rate * PIECE_SECONDS;
  }

  get #rate() {
    return MODES[this.#mode].rate;
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
   * @param {object} options `{headers, body, onSent, signal}`; with `whole`, so many bytes of the body are of use to
   *   the server only together
   * @returns {Promise<{status: number, header: (name: string) => string|null, text: string}>}
   * @throws {LineDead} when the connection dies, whatever killed it
   */
  request(method, url, { headers = {}, body, onSent, signal, whole } = {}) {
    return this.logged({ method, path: pathOf(url), offset: headers['Upload-Offset'] }, async (row) => {
      const isCarried = whole && (await this.carry(whole, { onSent, signal }));
      const since = performance.now();
      const answer = await this.#exchange(method, url, headers, body, isCarried ? undefined : onSent, signal);
      // They are there, and the answer has not come back yet.
      if (body instanceof Blob) await this.carry(body.size, { since, signal });
      Object.assign(row, { status: answer.status, answered: answer.header('Upload-Offset') });
      return answer;
    });
  }

  /** Shows a row in the wire's log for what goes over this line. */
  async logged(row, work) {
    if (!this.isUp) throw new LineDead();
    row.at = Date.now();
    this.#tell(row);
    try {
      return await work(row);
    } catch (error) {
      row.status = error instanceof LineDead ? 'connection died' : 'given up';
      throw error;
    } finally {
      this.#tell(row);
    }
  }

  /**
   * Takes as long as so many bytes take on this line, beside whatever else it carries, and dies with it.
   *
   * @returns {Promise<boolean>} false on a line that takes everything at once
   */
  async carry(bytes, { since = performance.now(), onSent, signal } = {}) {
    if (this.#rate === Infinity) return false;
    const line = { cut: () => (line.isCut = true) };
    this.#open.add(line);
    this.#carried.add(line);
    try {
      for (let carried = 0; carried < bytes; ) {
        const now = performance.now();
        const share = this.#rate / this.#carried.size / 1000;
        const passed = Math.min(bytes - carried, Math.max(1, now - since) * share);
        since = now;
        carried += passed;
        this.#wear(passed);
        if (line.isCut) throw this.#lost(bytes);
        onSent?.(carried);
        if (carried < bytes) await pause(this, Math.min(TICK_MS, (bytes - carried) / share), signal);
        signal?.throwIfAborted();
      }
      return true;
    } finally {
      this.#open.delete(line);
      this.#carried.delete(line);
    }
  }

  #exchange(method, url, headers, body, onSent, signal) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const line = { sent: 0, isCut: false, cut: () => ((line.isCut = true), request.abort()) };
      const giveUp = () => request.abort();
      request.open(method, url);
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      if (body) {
        request.upload.addEventListener('progress', ({ loaded }) => {
          line.sent = loaded;
          onSent?.(loaded);
        });
      }
      request.addEventListener('loadend', () => {
        this.#open.delete(line);
        signal?.removeEventListener('abort', giveUp);
        if (signal?.aborted) reject(signal.reason);
        else if (request.status > 0) resolve(answerOf(request));
        // A server that is away was never reached.
        else reject(line.isCut || line.sent > 0 ? this.#lost(line.sent) : new LineDead());
      });
      if (signal?.aborted) return reject(signal.reason);
      signal?.addEventListener('abort', giveUp);
      this.#open.add(line);
      request.send(body);
    });
  }

  /** A WebSocket that dies with the line. */
  socket(url) {
    const socket = new WebSocket(url);
    const row = { method: 'SOCKET', path: pathOf(url), at: Date.now() };
    const line = { isUp: false, cut: () => socket.close() };
    const say = (status) => this.#tell(Object.assign(row, { status }));
    this.#open.add(line);
    say();
    socket.addEventListener('open', () => {
      line.isUp = true;
      say(101);
    });
    socket.addEventListener('close', () => {
      this.#open.delete(line);
      say(line.isUp ? 'connection died' : 'no connection');
      if (line.isUp) this.#lost();
    });
    return socket;
  }

  #lost(sent) {
    this.dispatchEvent(new Event('lost'));
    return new LineDead(sent);
  }

  #wear(bytes) {
    this.#bearable -= bytes;
    if (this.#bearable > 0) return;
    this.#renew();
    this.#cutAll();
  }

  #renew() {
    const { bytesUntilDeath: bounds } = MODES[this.#mode];
    this.#bearable = bounds ? between(...bounds) : Infinity;
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
