// One file on its way: what was chosen, how far it is, and what became of it. It begins when the file is chosen, and
// is said (given its caption, and so its message) when the person presses Send, which may be long before the last
// byte has left, or after it.

import { forget, keep } from './keep.js';
import { LineDead, pause } from './network.js';
import { sendInOneRequest, sendOverTheSocket, wordsFor } from './other-ways.js';
import { Refused, bearer, send, terminate } from './tus.js';
import { Speed } from './words.js';

const BIND_AGAIN_MS = 1000;

/**
 * States: `going`, `paused`, `failed`, `made`, `cancelled`. Events: `change`, and `twice` with the bytes that a cut
 * cost, and `zero` when the upload began at its first byte.
 */
export class Sending extends EventTarget {
  #to;
  #record;
  #stop = null;

  /**
   * @param {object} to `{network, socket, api, token, conversation}`
   * @param {object} record what is kept: `{id, person, file, name, way, caption, isSaid, isPaused, url, began}`
   */
  constructor(to, record) {
    super();
    this.#to = to;
    this.#record = record;
    this.offset = 0;
    this.state = record.isPaused ? 'paused' : 'going';
    this.error = null;
    this.messageId = null;
    this.speed = new Speed();
    to.network.addEventListener('change', () => this.state === 'going' && this.dispatchEvent(new Event('change')));
  }

  /** A file that was just chosen. */
  static of(to, person, file, way) {
    const record = { id: crypto.randomUUID(), person, file, name: file.name, way, caption: '', began: Date.now() };
    return new Sending(to, { ...record, isSaid: false, isPaused: false, url: null });
  }

  get id() { return this.#record.id; }
  get name() { return this.#record.name; }
  get file() { return this.#record.file; }
  get way() { return this.#record.way; }
  get caption() { return this.#record.caption; }
  get isSaid() { return this.#record.isSaid; }
  get began() { return this.#record.began; }
  get canPause() { return this.way === 'tus'; }
  get uploadId() { return this.#record.url?.split('/').pop() ?? null; }
  get isWhole() { return this.offset === this.file.size; }
  get isOnline() { return this.#to.network.isUp; }

  /** It cannot be sent this way. */
  refuse(why) {
    this.#fail(new Error(why));
  }

  /** Begins, or goes on. */
  async go() {
    if (this.#stop) return;
    this.#stop = new AbortController();
    this.#set('going');
    await this.#keep({ isPaused: false });
    try {
      await (this.way === 'tus' ? this.#sendResumably() : this.#sendAtOnce());
    } catch (error) {
      if (this.#stop?.signal.aborted) return;
      this.error = wordsFor(error);
      this.#set('failed');
    } finally {
      this.#stop = null;
    }
  }

  /** Gives it its caption: from now on it is a message on its way. */
  async say(caption) {
    await this.#keep({ caption, isSaid: true });
    this.dispatchEvent(new Event('change'));
    if (this.way !== 'tus') return this.go();
    if (this.uploadId) await this.#bind();
  }

  async stop() {
    this.#halt();
    this.speed.forget();
    this.#set('paused');
    await this.#keep({ isPaused: true });
  }

  async cancel() {
    this.#halt();
    this.#set('cancelled');
    await forget(this.id);
    if (this.#record.url) await terminate(this.#to, this.#record.url).catch(() => {});
  }

  #halt() {
    this.#stop?.abort(new Error('stopped'));
    this.#stop = null;
  }

  async #sendResumably() {
    const { signal } = this.#stop;
    const upload = {
      url: this.#record.url,
      file: this.file,
      metadata: { filename: this.name, filetype: this.file.type || 'application/octet-stream' },
    };
    const messageId = await send(this.#to, upload, {
      signal,
      onUrl: (url) => this.#begun(url),
      onProgress: (offset) => this.#progress(offset),
      onTwice: (bytes) => this.dispatchEvent(new CustomEvent('twice', { detail: bytes })),
      onZero: () => this.dispatchEvent(new Event('zero')),
    });
    this.#progress(this.file.size);
    if (messageId) await this.#made(messageId);
    else if (this.isSaid) await this.#bind(signal);
  }

  async #begun(url) {
    await this.#keep({ url });
    // Said before it existed.
    if (this.isSaid) this.#bind(this.#stop?.signal);
  }

  /** Tells the server which message it becomes, until the server has heard it. */
  async #bind(signal) {
    const { network, api, token, conversation } = this.#to;
    const body = JSON.stringify({
      upload_id: this.uploadId,
      conversation_id: conversation,
      content: this.caption || null,
      client_message_id: this.id,
    });
    while (this.state !== 'cancelled' && !signal?.aborted) {
      try {
        await network.whole(signal);
        const headers = { ...bearer(token), 'Content-Type': 'application/json' };
        const answer = await network.request('POST', new URL('messages', api), { headers, body, signal });
        if (answer.status === 200) return await this.#made(JSON.parse(answer.text).message._id);
        if (answer.status === 202) return;
        throw new Refused(answer);
      } catch (error) {
        if (signal?.aborted) return;
        const mayTryAgain = error instanceof LineDead || error.status === 423 || error.status >= 500;
        if (!mayTryAgain) return this.#fail(error);
        await pause(network, BIND_AGAIN_MS, signal);
      }
    }
  }

  async #sendAtOnce() {
    if (!this.isSaid) return this.#set('going');
    const what = { file: this.file, conversation: this.#to.conversation, caption: this.caption, id: this.id };
    const events = { signal: this.#stop.signal, onProgress: (offset) => this.#progress(offset) };
    this.#progress(0);
    this.dispatchEvent(new Event('zero'));
    const way = this.way === 'once' ? sendInOneRequest : sendOverTheSocket;
    const message = await way(this.#to, what, events);
    await this.#made(message._id);
  }

  #fail(error) {
    this.#halt();
    this.error = wordsFor(error);
    this.#set('failed');
  }

  #progress(offset) {
    this.offset = offset;
    this.speed.see(offset);
    this.dispatchEvent(new Event('change'));
  }

  async #made(messageId) {
    if (this.state === 'made') return;
    this.messageId = messageId;
    this.#set('made');
    await forget(this.id);
  }

  #set(state) {
    this.state = state;
    if (state !== 'failed') this.error = null;
    this.dispatchEvent(new Event('change'));
  }

  async #keep(change) {
    Object.assign(this.#record, change);
    await keep(this.#record);
  }
}
