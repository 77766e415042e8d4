// What one person knows of the conversation: its messages, and what others are sending at the moment. The server's
// list is the truth; events only bring it sooner, and after every silence the list is asked for what was missed.

import { LineDead, pause } from './network.js';
import { Refused, bearer } from './tus.js';

const AGAIN_MS = 1000;
const UPLOAD_EVENTS = ['upload_started', 'upload_progress', 'upload_paused'];

/** Events: `message` (`detail` is `{message, isNew}`), `sending` (`detail` is `{upload, isOver}`). */
export class Talk extends EventTarget {
  #to;
  #known = new Map();
  #sending = new Map();
  #hasRead = false;

  /** @param {object} to `{network, live, api, token, conversation}` */
  constructor(to) {
    super();
    this.#to = to;
    to.live.addEventListener('up', () => this.#catchUp());
    to.live.addEventListener('new_message', ({ detail }) => this.#take(detail));
    for (const event of UPLOAD_EVENTS) {
      to.live.addEventListener(event, ({ detail }) => this.#see(detail, event === 'upload_paused'));
    }
    for (const event of ['upload_finished', 'upload_cancelled']) {
      to.live.addEventListener(event, ({ detail }) => this.#over(detail));
    }
  }

  async #catchUp() {
    while (this.#to.live.isUp) {
      try {
        await this.#readOn();
        await this.#readRunning();
        return;
      } catch (error) {
        if (!(error instanceof LineDead)) throw error;
        await pause(this.#to.network, AGAIN_MS);
      }
    }
  }

  /** Everything after the newest known message; at the first time the newest page. */
  async #readOn() {
    const path = `conversations/${this.#to.conversation}/messages?limit=200`;
    let after = [...this.#known.keys()].sort().at(-1);
    for (;;) {
      const page = await this.#read(after ? `${path}&after=${after}` : path);
      const ids = page.messages.map((message) => message._id).sort();
      page.messages.sort((a, b) => (a._id < b._id ? -1 : 1)).forEach((message) => this.#take(message));
      if (!after || !page.next) break;
      after = ids.at(-1);
    }
    this.#hasRead = true;
  }

  /** A link to a message's media that has not expired. */
  async renew(message) {
    const { network, api, token } = this.#to;
    const headers = { ...bearer(token), 'Content-Type': 'application/json' };
    const url = new URL(`messages/${message._id}/media-link`, api);
    const answer = await network.request('POST', url, { headers, body: '{}' });
    if (answer.status !== 200) throw new Refused(answer);
    return JSON.parse(answer.text);
  }

  async #readRunning() {
    const { uploads } = await this.#read(`conversations/${this.#to.conversation}/uploads`);
    const running = new Set(uploads.map((upload) => upload.upload_id));
    for (const upload of this.#sending.values()) if (!running.has(upload.upload_id)) this.#over(upload);
    uploads.forEach((upload) => this.#see(upload, upload.paused));
  }

  async #read(path) {
    const { network, api, token } = this.#to;
    const answer = await network.request('GET', new URL(path, api), { headers: bearer(token) });
    return answer.status === 200 ? JSON.parse(answer.text) : { messages: [], uploads: [], next: null };
  }

  #take(message) {
    if (this.#known.has(message._id)) return;
    this.#known.set(message._id, message);
    this.dispatchEvent(new CustomEvent('message', { detail: { message, isNew: this.#hasRead } }));
  }

  #see(upload, isPaused) {
    this.#sending.set(upload.upload_id, upload);
    this.dispatchEvent(new CustomEvent('sending', { detail: { upload, isPaused, isOver: false } }));
  }

  #over(upload) {
    if (!this.#sending.delete(upload.upload_id)) return;
    this.dispatchEvent(new CustomEvent('sending', { detail: { upload, isOver: true } }));
  }
}
