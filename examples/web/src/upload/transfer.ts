// What both upload libraries are told, and how their errors are read.

import type { DetailedError, HttpRequest, HttpResponse } from 'tus-js-client';
import { Problem } from '../api/problem';
import { at } from '../api/server';
import type { Session } from '../api/session';

/** A file to send, and the message that it becomes. */
export interface Job {
  file: File;
  conversation: string;
  caption: string;
  /** Makes everything repeatable: with the same one there is one upload and one message, whatever is sent twice. */
  clientMessageId: string;
  /** Where the upload is, once it has begun. */
  url: string | null;
}

export interface Events {
  onUrl: (url: string) => void;
  onProgress: (sent: number) => void;
  onMessage: (id: string) => void;
  onProblem: (problem: Problem) => void;
}

/** An upload under way. */
export interface Transfer {
  pause: () => void;
  resume: () => void;
}

/** Begins, or goes on where the server is. */
export type Begin = (session: Session, job: Job, events: Events) => Transfer;

/** The keys of `Upload-Metadata` that the server knows. */
export const metadataOf = ({ file, caption, clientMessageId }: Job): Record<string, string> => ({
  filename: file.name,
  filetype: file.type,
  client_message_id: clientMessageId,
  ...(caption && { content: caption }),
});

/** The options of tus-js-client, which Uppy takes as well. */
export const optionsFor = (session: Session, job: Job, events: Events) => ({
  endpoint: at(`conversations/${job.conversation}/files`),
  // For a hiccup. After a longer gap the outbox goes on, as soon as the socket is connected again.
  retryDelays: [0, 1000, 2000, 4000],
  // The outbox remembers the URL beside the file itself, for this message alone.
  storeFingerprintForResuming: false,
  onBeforeRequest: async (request: HttpRequest) => {
    request.setHeader('Authorization', `Bearer ${await session.token()}`);
  },
  onAfterResponse: (request: HttpRequest, response: HttpResponse) => {
    const location = response.getHeader('Location');
    if (request.getMethod() === 'POST' && location) events.onUrl(new URL(location, request.getURL()).href);
  },
  onShouldRetry: (error: DetailedError, attempt: number) => {
    const { status } = problemOf(error);
    if (status === 401) session.forgetToken();
    return mayPass(status) || (status === 401 && attempt === 0);
  },
  onProgress: events.onProgress,
  onError: (error: Error | DetailedError) => events.onProblem(problemOf(error)),
});

/** No answer, another offset (409), a busy upload (423), a server that fails, starts or has no room (5xx). */
export const mayPass = (status: number | null): boolean =>
  status === null || status === 409 || status === 423 || status >= 500;

function problemOf(error: Error | DetailedError): Problem {
  const answer = 'originalResponse' in error ? error.originalResponse : null;
  return Problem.of(answer?.getStatus() || null, answer?.getBody() ?? '');
}
