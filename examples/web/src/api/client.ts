// The routes that this client needs besides uploads, each with a fresh token.

import { Problem } from './problem';
import { at } from './server';
import type { Session } from './session';
import type { MediaLink, Message, MessagePage, UnfinishedUpload } from './types';

export class Client {
  constructor(readonly session: Session) {}

  message = (id: string) => this.#json<Message>(`messages/${id}`);

  /** The newest messages. */
  newest = (conversation: string) => this.#json<MessagePage>(`conversations/${conversation}/messages?limit=50`);

  /** The messages behind a known one. */
  after = (conversation: string, id: string) =>
    this.#json<MessagePage>(`conversations/${conversation}/messages?limit=200&after=${id}`);

  freshLink = (id: string) => this.#json<MediaLink>(`messages/${id}/media-link`, { method: 'POST' });

  async unfinished(): Promise<UnfinishedUpload[]> {
    return (await this.#json<{ uploads: UnfinishedUpload[] }>('files')).uploads;
  }

  /** Ends an upload: its bytes are freed. */
  async discard(url: string): Promise<void> {
    await this.#send(url, { method: 'DELETE', headers: { 'Tus-Resumable': '1.0.0' } });
  }

  async #json<T>(path: string, init: RequestInit = {}): Promise<T> {
    return (await (await this.#send(at(path), init)).json()) as T;
  }

  async #send(url: string, init: RequestInit): Promise<Response> {
    let answer = await this.#once(url, init);
    if (answer.status === 401) {
      this.session.forgetToken();
      answer = await this.#once(url, init);
    }
    if (!answer.ok) throw Problem.of(answer.status, await answer.text());
    return answer;
  }

  async #once(url: string, init: RequestInit): Promise<Response> {
    const headers = { ...init.headers, Authorization: `Bearer ${await this.session.token()}` };
    return fetch(url, { ...init, headers }).catch(() => {
      throw Problem.of(null, '');
    });
  }
}
