// What one person knows of the conversation: its messages, and what others are sending at the moment. The server tells of
// what happens, and after every silence of what was missed. Only what was there before, or is too much, is asked for.

import { LineDead, pause } from './network.js';
import { Refused, bearer } from './tus.js';

const AGAIN_MS = 1000;
const UPLOAD_EVENTS = ['upload_started', 'upload_progress', 'upload_paused'];

/** Events: `message` (`detail` is `{message, isNew}`), `sending` (`detail` is `{upload, isOver}`). */
export class Talk extends EventTarget {
  #to;
  #known = new Set();
  #last;
  #isWhole = false;
  #sending = new Map();
  #before = new Map();

  /** @param {object} to `{network, live, api, token, conversation}` */
  constructor(to) {
    super();
    this.#to = to;
    to.live.addEventListener('up', () => this.#begin());
    to.live.addEventListener('caught_up', ({ detail }) => this.#caughtUp(detail));
    to.live.addEventListener('new_message', ({ detail }) => this.#take(detail));
    for (const event of UPLOAD_EVENTS) {
      to.live.addEventListener(event, ({ detail }) => this.#see(detail, event === 'upload_paused'));
    }
    for (const event of ['upload_finished', 'upload_cancelled']) {
      to.live.addEventListener(event, ({ detail }) => this.#over(detail));
    }
  }

  /** The last message before which none is missing. The server tells of what is newer to who names it. */
  get last() {
    return this.#last;
  }

  /** What was on its way counts only if the server tells of it again, which it does first. */
  #begin() {
    this.#before = new Map(this.#sending);
    if (!this.#last) this.#readOn();
  }

  #caughtUp({ after, complete }) {
    this.#last = after;
    if (complete) this.#isUpToDate();
    else this.#readOn();
  }

  #isUpToDate() {
    this.#isWhole = true;
    this.#before.forEach((upload) => this.#over(upload));
  }

  /** Everything after the last message; at the first time the newest page. Pages begin with the newest. */
  async #readOn() {
    this.#isWhole = false;
    const path = `conversations/${this.#to.conversation}/messages?limit=200`;
    while (this.#to.live.isUp && !this.#isWhole) {
      try {
        const page = await this.#read(this.#last ? `${path}&after=${this.#last}` : path);
        page.messages.toReversed().forEach((message) => this.#take(message));
        if (!this.#last || !page.next) this.#isUpToDate();
        this.#last = page.messages[0]?._id ?? this.#last;
      } catch (error) {
        if (!(error instanceof LineDead)) throw error;
        await pause(this.#to.network, AGAIN_MS);
      }
    }
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

  async #read(path) {
    const { network, api, token } = this.#to;
    const answer = await network.request('GET', new URL(path, api), { headers: bearer(token) });
    return answer.status === 200 ? JSON.parse(answer.text) : { messages: [], next: null };
  }

  #take(message) {
    if (this.#known.has(message._id)) return;
    this.#known.add(message._id);
    if (this.#isWhole) this.#last = message._id;
    this.dispatchEvent(new CustomEvent('message', { detail: { message, isNew: this.#isWhole } }));
  }

  #see(upload, isPaused) {
    this.#before.delete(upload.upload_id);
    this.#sending.set(upload.upload_id, upload);
    this.dispatchEvent(new CustomEvent('sending', { detail: { upload, isPaused, isOver: false } }));
  }

  #over(upload) {
    if (!this.#sending.delete(upload.upload_id)) return;
    this.dispatchEvent(new CustomEvent('sending', { detail: { upload, isOver: true } }));
  }
}
