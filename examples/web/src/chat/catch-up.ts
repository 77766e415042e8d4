// Messages that were missed while the socket was away: none is left out between those known before and those that come.

import type { CaughtUp, Message, MessagePage } from '../api/types';

const AGAIN_MS = 3000;

export class CatchUp {
  /** No message up to this one is missing. It stays the same as long as one behind it may be. */
  known: string | null = null;
  #newest: string | null = null;
  #isWhole = false;
  #turn = 0;

  constructor(
    /** Reads the messages right behind one, or the newest page. */
    readonly read: (after: string | null) => Promise<MessagePage>,
    readonly show: (messages: Message[]) => void,
  ) {}

  /** A connection began. Its `auth` names the last known message, and the server sends those behind it. */
  begin(): void {
    this.end();
    if (!this.known) void this.#readOn();
  }

  /** The server has sent the missed messages; if they were too many, those up to `after`. */
  sent({ after, complete }: CaughtUp): void {
    if (complete) return this.#beWhole();
    this.known = after ?? this.known;
    void this.#readOn();
  }

  heard(messages: Message[]): void {
    this.show(messages);
    for (const { _id } of messages) if (!this.#newest || _id > this.#newest) this.#newest = _id;
    if (this.#isWhole) this.known = this.#newest;
  }

  /** The connection is over. */
  end(): void {
    this.#turn += 1;
    this.#isWhole = false;
  }

  /** Page by page, until there is nothing more, or the connection is over. */
  async #readOn(): Promise<void> {
    const turn = this.#turn;
    for (;;) {
      const page = await this.read(this.known).catch(() => null);
      if (turn !== this.#turn) return;
      if (page) {
        this.heard(page.messages);
        if (!this.known || !page.next) return this.#beWhole();
        this.known = page.next;
      } else await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }

  #beWhole(): void {
    this.#isWhole = true;
    this.known = this.#newest;
  }
}
