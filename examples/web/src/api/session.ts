// Who is signed in, and their tokens.
//
// A product replaces this file: its people sign in, and `token` asks its own authorization server. In demo mode the
// server itself gives away who is there.

import { at } from './server';

export interface Person {
  id: string;
  name: string;
}

export interface Demo {
  conversation: string;
  people: (Person & { token: string })[];
}

const MARGIN_MS = 60_000;

export async function readDemo(): Promise<Demo> {
  const answer = await fetch(at('demo.json'));
  if (!answer.ok) throw new Error('This example needs a server in demo mode: start one without a key');
  return (await answer.json()) as Demo;
}

export class Session {
  #token: string | null = null;

  constructor(readonly me: Person) {}

  /** A token that is good for the next request. An upload may outlast a token, so each request asks anew. */
  async token(): Promise<string> {
    if (!this.#token || endOf(this.#token) < Date.now() + MARGIN_MS) {
      const { people } = await readDemo();
      this.#token = people.find(({ id }) => id === this.me.id)?.token ?? null;
    }
    if (!this.#token) throw new Error('You are not signed in');
    return this.#token;
  }

  /** The server refused the token, whatever its end says. */
  forgetToken(): void {
    this.#token = null;
  }
}

function endOf(token: string): number {
  const claims = token.split('.')[1] ?? '';
  return (JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/'))) as { exp: number }).exp * 1000;
}
