// One file on its way: what was chosen, how far it is, and what became of it. It begins when the file is chosen, and
// is said (given its caption, and so its message) when the person presses Send, which may be long before the last
// byte has left, or after it.

import { forget, keep, keepFile } from './keep.js';
import { LineDead, pause } from './network.js';
import { sendInOneRequest, sendOverTheSocket, wordsFor } from './other-ways.js';
import { Refused, bearer, mayTryAgain, send, terminate } from './tus.js';
import { inTurn } from './turns.js';
import { Speed } from './words.js';

const BIND_AGAIN_MS = 1000;
const KEEP_EVERY_MS = 250;

/** What is known of a file that was just chosen, or of one that the server already has a part of. */
export function recordOf(person, file, known) {
  const { name, size, type } = file;
  const fresh = { id: crypto.randomUUID(), person, name, size, type, way: 'tus', began: Date.now(), caption: '' };
  return { ...fresh, isSaid: false, isBound: false, isPaused: false, isCancelled: false, url: null, sentUpTo: 0, ...known };
}

/**
 * States: `going`, `paused`, `failed`, `made`, `cancelled`. Events: `change`, and `twice` with the bytes that a cut
 * cost, and `zero` when the upload began at its first byte.
 */
export class Sending extends EventTarget {
  #to;
  #record;
  #stop = null;
  #keptAt = 0;
  #end;

  /**
   * @param {object} to `{network, live, api, token, conversation}`
   * @param {object} record as `recordOf` makes it
   */
  constructor(to, record, file) {
    super();
    this.#to = to;
    this.#record = record;
    this.file = file;
    // As far as is known, until the server says it.
    this.offset = record.sentUpTo;
    this.state = record.isPaused ? 'paused' : 'going';
    this.isWaiting = false;
    this.error = null;
    this.isHopeless = false;
    this.speed = new Speed();
    /** Resolves when nothing is left to do, nor kept. */
    this.over = new Promise((resolve) => (this.#end = resolve));
    const look = () => this.state === 'going' && this.#changed();
    to.network.addEventListener('change', look);
    for (const event of ['up', 'down']) to.live.addEventListener(event, look);
  }

  get id() { return this.#record.id; }
  get person() { return this.#record.person; }
  get name() { return this.#record.name; }
  get caption() { return this.#record.caption; }
  get isSaid() { return this.#record.isSaid; }
  get isResumable() { return this.#record.way === 'tus'; }
  get uploadId() { return this.#record.url?.split('/').pop() ?? null; }
  get isWhole() { return this.uploadId !== null && this.offset === this.file.size; }
  get isOnline() { return this.#to.network.isUp; }
  get isServed() { return this.#to.live.isUp; }
  get flows() { return this.state === 'going' && this.isOnline && this.isServed && this.offset > 0 && this.offset < this.file.size; }
  get isOver() { return this.state === 'made' || this.state === 'cancelled'; }

  /** Keeps it, so that it goes on without being chosen again, and begins. */
  async begin() {
    await this.#keep({});
    // Beside the sending, which need not wait for a large file to be copied. Where there is no room for it, it has
    // to be chosen again once the page is gone.
    keepFile(this.id, this.file).then(() => this.isOver && forget(this.id), () => {});
    if (this.isResumable) await this.go();
  }

  /** It cannot be sent, however often it is tried. */
  refuse(why) {
    this.isHopeless = true;
    this.#fail(new Error(why));
  }

  /** Begins, or goes on. */
  async go() {
    if (this.#stop || this.isOver) return;
    const stop = new AbortController();
    this.#stop = stop;
    this.isWaiting = true;
    this.#set('going');
    try {
      await this.#keep({ isPaused: false });
      await inTurn(stop.signal, () => {
        this.isWaiting = false;
        return this.isResumable ? this.#sendResumably(stop.signal) : this.#sendAtOnce(stop.signal);
      });
    } catch (error) {
      if (!stop.signal.aborted) this.#fail(error);
    } finally {
      if (this.#stop === stop) this.#stop = null;
    }
  }

  /** Gives it its caption: from now on it is a message on its way. */
  async say(caption) {
    await this.#keep({ caption, isSaid: true });
    this.#changed();
    if (!this.isResumable) return this.go();
    if (this.uploadId) await this.#bind();
  }

  async stop() {
    this.#halt();
    this.speed.forget();
    this.#set('paused');
    await this.#keep({ isPaused: true, sentUpTo: this.offset });
  }

  async cancel() {
    this.#halt();
    this.#set('cancelled');
    // The server may be away, and is told by the next page if not by this one.
    await this.#keep({ isCancelled: true });
    if (this.#record.url) await terminate(this.#to, this.#record.url);
    await this.#forget();
  }

  #halt() {
    this.#stop?.abort(new Error('stopped'));
    this.#stop = null;
  }

  async #sendResumably(signal) {
    const { url, sentUpTo, type } = this.#record;
    const metadata = { filename: this.name, filetype: type || 'application/octet-stream' };
    const messageId = await send(this.#to, { url, sentUpTo, file: this.file, metadata }, {
      signal,
      onUrl: (url) => this.#begun(url, signal),
      onProgress: (offset) => this.#progress(offset),
      onTwice: (bytes) => this.dispatchEvent(new CustomEvent('twice', { detail: bytes })),
      onZero: () => this.dispatchEvent(new Event('zero')),
    });
    this.#progress(this.file.size);
    if (messageId || this.#record.isBound) await this.#made();
    else if (this.isSaid) await this.#bind(signal);
  }

  async #begun(url, signal) {
    await this.#keep({ url, sentUpTo: 0 });
    // Said before it existed.
    if (this.isSaid) this.#bind(signal);
  }

  /** Tells the server which message it becomes, until the server has heard it. */
  async #bind(signal) {
    const { network, api, conversation } = this.#to;
    const body = JSON.stringify({
      upload_id: this.uploadId,
      conversation_id: conversation,
      content: this.caption || null,
      client_message_id: this.id,
    });
    while (!this.isOver && !signal?.aborted) {
      try {
        await network.whole(signal);
        const headers = { ...bearer(this.#to.token), 'Content-Type': 'application/json' };
        const answer = await network.request('POST', new URL('messages', api), { headers, body, signal });
        if (answer.status === 200) return await this.#made();
        if (answer.status === 202) return;
        throw new Refused(answer);
      } catch (error) {
        if (signal?.aborted) return;
        if (!(error instanceof LineDead) && (error.status === 409 || !mayTryAgain(error))) return this.#fail(error);
        await pause(network, BIND_AGAIN_MS, signal);
      }
    }
  }

  async #sendAtOnce(signal) {
    if (!this.isSaid) return;
    const what = { file: this.file, conversation: this.#to.conversation, caption: this.caption, id: this.id };
    this.#progress(0);
    this.dispatchEvent(new Event('zero'));
    const way = this.#record.way === 'once' ? sendInOneRequest : sendOverTheSocket;
    await way(this.#to, what, { signal, onProgress: (offset) => this.#progress(offset) });
    await this.#made();
  }

  #fail(error) {
    this.#halt();
    this.error = wordsFor(error);
    this.#set('failed');
  }

  #progress(offset) {
    this.offset = offset;
    this.speed.see(offset);
    this.#changed();
    if (performance.now() - this.#keptAt > KEEP_EVERY_MS) this.#keep({ sentUpTo: offset }).catch(() => {});
  }

  async #made() {
    if (this.isOver) return;
    this.#set('made');
    await this.#forget();
  }

  #set(state) {
    this.state = state;
    if (state !== 'failed') this.error = null;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }

  async #forget() {
    await forget(this.id);
    this.#end();
  }

  async #keep(change) {
    Object.assign(this.#record, change);
    this.#keptAt = performance.now();
    if (this.state !== 'made') await keep(this.#record);
  }
}
