// The files that one person is sending from this browser. Each is kept until its message is there, and one tab at a time
// has it: a second one takes over when the first is closed.

import type { Client } from '../api/client';
import { type Problem, wordsFor } from '../api/problem';
import { at } from '../api/server';
import { type Kept, find, forget, keep, keptBy } from './keep';
import { library } from './library';
import type { Transfer } from './transfer';
import { verdictOn } from './verdict';

/**
 * ```text
 *   going ──pause──► paused          going ──refused──► failed
 *     ▲ ◄──resume─────┘                ▲ ◄────resume──────┘
 *     └──── wake ◄── waiting ◄── the line or the server is away
 * ```
 */
export type State = 'going' | 'waiting' | 'paused' | 'failed';

/** An upload as it is shown. */
export interface Sending extends Readonly<Omit<Kept, 'person' | 'isPaused'>> {
  readonly file: File;
  readonly state: State;
  readonly sent: number;
  readonly problem: string | null;
}

interface Entry {
  kept: Kept;
  file: File;
  state: State;
  sent: number;
  problem: string | null;
  transfer: Transfer | null;
  hasBegunAnew: boolean;
  /** Lets another tab have it. */
  release: () => void;
}

export class Outbox {
  #entries = new Map<string, Entry>();
  #shown: readonly Sending[] = [];
  #listeners = new Set<() => void>();
  #closing = new AbortController();
  #tabs: BroadcastChannel | null = null;

  constructor(
    readonly client: Client,
    readonly conversation: string,
    /** Shows the message that an upload became. */
    readonly onMessage: (id: string) => Promise<void>,
  ) {}

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  snapshot = (): readonly Sending[] => this.#shown;

  /** Goes on with everything that this browser kept, and keeps for other tabs. */
  async open(): Promise<void> {
    this.#closing = new AbortController();
    this.#tabs = new BroadcastChannel(`uploads of ${this.#person}`);
    this.#tabs.onmessage = ({ data: id }: MessageEvent<string>) => void this.#own(id);
    for (const { id } of await keptBy(this.#person)) void this.#own(id);
  }

  close(): void {
    this.#closing.abort();
    this.#tabs?.close();
    for (const { transfer, release } of this.#entries.values()) {
      transfer?.pause();
      release();
    }
    this.#entries.clear();
    this.#show();
  }

  send(file: File, caption: string): void {
    const id = crypto.randomUUID();
    this.#add(file, { id, caption, clientMessageId: id, url: null });
  }

  /** Goes on with what began in another browser, once the same file is chosen here. */
  async goOn(uploadId: string, file: File): Promise<void> {
    const upload = (await this.client.unfinished()).find((one) => one.upload_id === uploadId);
    if (!upload) throw new Error('This upload is over.');
    const isTheSame = upload.length === file.size && upload.file_name === file.name;
    if (!isTheSame) throw new Error(`This is another file than ${upload.file_name}.`);
    const id = crypto.randomUUID();
    this.#add(file, { id, caption: '', clientMessageId: upload.client_message_id ?? id, url: at(`files/${uploadId}`) });
  }

  pause(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    entry.transfer?.pause();
    this.#keep(entry, { isPaused: true });
    this.#set(entry, { state: 'paused' });
  }

  resume(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#keep(entry, { isPaused: false });
    void this.#go(entry);
  }

  async cancel(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (!entry) return;
    entry.transfer?.pause();
    await this.#drop(entry);
    // Should this get lost, the upload ends by itself after some days without a byte.
    if (entry.kept.url) await this.client.discard(entry.kept.url).catch(() => {});
  }

  /** The server can be reached again. */
  wake(): void {
    for (const entry of this.#entries.values()) if (entry.state === 'waiting') void this.#go(entry);
  }

  get #person(): string {
    return this.client.session.me.id;
  }

  #add(file: File, job: Pick<Kept, 'id' | 'caption' | 'clientMessageId' | 'url'>): void {
    const kept = { ...job, person: this.#person, conversation: this.conversation, isPaused: false };
    void keep(kept, file).then(() => this.#own(kept.id, [kept, file]));
  }

  /** Has an upload until it is a message or cancelled, or this tab ends. */
  async #own(id: string, fresh?: [Kept, File]): Promise<void> {
    const { signal } = this.#closing;
    const haveIt = async () => {
      // What another tab had until now may be sent.
      const found = fresh ?? (await find(id));
      if (!found || signal.aborted) return;
      const [kept, file] = found;
      // Other tabs ask for the lock from now on, and have it when this one is closed.
      if (fresh) this.#tabs?.postMessage(id);
      const { promise, resolve: release } = Promise.withResolvers<void>();
      const state = kept.isPaused ? 'paused' : 'going';
      const entry: Entry = { kept, file, state, sent: 0, problem: null, transfer: null, hasBegunAnew: false, release };
      this.#entries.set(id, entry);
      if (kept.isPaused) this.#show();
      else void this.#go(entry);
      await promise;
    };
    await navigator.locks.request(`upload ${id}`, { signal }, haveIt).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }

  async #go(entry: Entry): Promise<void> {
    this.#set(entry, { state: 'going', problem: null });
    if (entry.transfer) return entry.transfer.resume();
    const begin = await library();
    if (!entry.kept.url) await this.#findUrl(entry);
    const isWanted = entry.state === 'going' && !entry.transfer && this.#has(entry);
    if (!isWanted) return;
    const { file, kept } = entry;
    entry.transfer = begin(this.client.session, { ...kept, file }, {
      onUrl: (url) => this.#keep(entry, { url }),
      onProgress: (sent) => this.#set(entry, { sent }),
      onMessage: (id) => void this.onMessage(id).then(() => this.#drop(entry)),
      onProblem: (problem) => void this.#judge(entry, problem),
    });
  }

  /** An upload may have begun although its address was lost with the answer, or with the tab. */
  async #findUrl(entry: Entry): Promise<void> {
    const unfinished = await this.client.unfinished().catch(() => []);
    const upload = unfinished.find((one) => one.client_message_id === entry.kept.clientMessageId);
    if (upload) this.#keep(entry, { url: at(`files/${upload.upload_id}`) });
  }

  async #judge(entry: Entry, problem: Problem): Promise<void> {
    entry.transfer = null;
    const verdict = verdictOn(problem);
    if (verdict === 'elsewhere') return this.#drop(entry);
    if (verdict === 'anew' && !entry.hasBegunAnew) {
      entry.hasBegunAnew = true;
      this.#keep(entry, { url: null });
      return this.#go(entry);
    }
    if (verdict === 'rename') this.#keep(entry, { url: null, clientMessageId: crypto.randomUUID() });
    if (entry.state !== 'going') return;
    this.#set(entry, { state: verdict === 'wait' ? 'waiting' : 'failed', problem: wordsFor(problem) });
  }

  async #drop(entry: Entry): Promise<void> {
    if (this.#has(entry)) this.#entries.delete(entry.kept.id);
    this.#show();
    await forget(entry.kept.id);
    entry.release();
  }

  #keep(entry: Entry, change: Partial<Kept>): void {
    Object.assign(entry.kept, change);
    // What was dropped does not come back.
    if (this.#has(entry)) void keep(entry.kept);
  }

  #set(entry: Entry, change: Partial<Entry>): void {
    Object.assign(entry, change);
    this.#show();
  }

  #has(entry: Entry): boolean {
    return this.#entries.get(entry.kept.id) === entry;
  }

  #show(): void {
    this.#shown = [...this.#entries.values()].map(({ kept, file, state, sent, problem }) => ({ ...kept, file, state, sent, problem }));
    for (const listener of this.#listeners) listener();
  }
}
