// Why something was refused. `code` is for programs and translations, `detail` for people who read English:
// src/docs/errors.md has every code.

/** The codes that this client treats in a way of their own. */
export type Code =
  | 'client_message_id_taken'
  | 'file_too_large'
  | 'no_room'
  | 'not_a_participant'
  | 'upload_displaced'
  | 'upload_not_found';

export class Problem extends Error {
  constructor(
    /** `null`: no answer came. */
    readonly status: number | null,
    readonly code: Code | string | null,
    detail: string,
  ) {
    super(detail);
  }

  /** An answer's body, which is `{"detail", "code"}` for every error but those to `HEAD`. */
  static of(status: number | null, body: string): Problem {
    if (status === null) return new Problem(null, null, 'The connection died');
    try {
      const { detail, code } = JSON.parse(body) as { detail: string; code: string };
      return new Problem(status, code, detail);
    } catch {
      return new Problem(status, null, `The server answered ${status}`);
    }
  }
}

const WORDS: Partial<Record<string, string>> = {
  file_too_large: 'This file is larger than may be sent.',
  no_room: 'The server has no room at the moment.',
  not_a_participant: 'You are no longer in this conversation.',
} satisfies Partial<Record<Code, string>>;

/** What a person reads. A product has a text for each code in each language; the server's own is the last resort. */
export function wordsFor(problem: Problem): string {
  return WORDS[problem.code ?? ''] ?? problem.message;
}
