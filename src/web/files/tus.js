// The shortest honest client of the resumable way: create, send, and after every lost connection ask how far it was.
// It never starts again at byte zero while the server has the upload, and never sends what the server has.

import { LineDead, pause } from './network.js';

const TUS = { 'Tus-Resumable': '1.0.0' };
const PATIENCE_MS = [200, 500, 1000, 2000, 5000];

/** The server's refusal, in its own words. */
export class Refused extends Error {
  constructor(answer) {
    super(detailOf(answer));
    this.status = answer.status;
  }
}

/**
 * Sends a file until its last byte is there.
 *
 * @param {object} to `{network, api, token}`: the line, the server's address, and who sends
 * @param {object} upload `{url, file, metadata, sentUpTo}`; `url` is filled in once the upload exists, `onUrl` is told
 *   of it; `sentUpTo` is how far it was sent before, by another life of this page
 * @param {{onUrl: Function, onProgress: Function, onTwice: Function, onZero: Function, signal: AbortSignal}} events
 * @returns {Promise<string|null>} the id of the message, if one was made by then
 */
export async function send(to, upload, events) {
  let failures = 0;
  let { sentUpTo } = upload;
  let offset = null;
  for (;;) {
    try {
      await to.network.whole(events.signal);
      events.signal.throwIfAborted();
      if (upload.url === null) {
        upload.url = await create(to, upload, events);
        // An empty one is whole by now, and may be a message.
        offset = upload.file.size > 0 ? 0 : null;
        sentUpTo = 0;
      }
      if (offset === null) {
        const there = await ask(to, upload, events.signal);
        if (there === null) {
          upload.url = null;
          continue;
        }
        if (there.messageId || there.offset === upload.file.size) return there.messageId;
        events.onTwice(Math.max(0, sentUpTo - there.offset));
        offset = there.offset;
        events.onProgress(offset);
      }
      const answer = await append(to, upload, offset, events);
      offset = Number(answer.header('Upload-Offset'));
      sentUpTo = offset;
      failures = 0;
      events.onProgress(offset);
      if (offset === upload.file.size) return answer.header('Chat-Message-Id');
    } catch (error) {
      if (!(error instanceof LineDead) && !mayTryAgain(error)) throw error;
      if (offset !== null) sentUpTo = offset + (error.sent ?? 0);
      offset = null;
      await pause(to.network, patience(failures++), events.signal);
      events.signal.throwIfAborted();
    }
  }
}

/** Ends an upload on the server, which frees its bytes, and goes on until the server has heard of it. */
export function terminate(to, url) {
  return untilAnswered(to.network, () => to.network.request('DELETE', url, { headers: { ...TUS, ...bearer(to.token) } }));
}

/** What the server has of a person's files that are no messages yet, whoever sent them and from where. */
export async function unfinished(to) {
  const list = () => to.network.request('GET', new URL('files', to.api), { headers: bearer(to.token) });
  const answer = await untilAnswered(to.network, list);
  if (answer.status !== 200) throw new Refused(answer);
  return JSON.parse(answer.text).uploads;
}

async function untilAnswered(network, ask) {
  for (let failures = 0; ; failures += 1) {
    try {
      await network.whole();
      const answer = await ask();
      if (!mayTryAgain(answer)) return answer;
    } catch (error) {
      if (!(error instanceof LineDead)) throw error;
    }
    await pause(network, patience(failures));
  }
}

function patience(failures) {
  return PATIENCE_MS[Math.min(failures, PATIENCE_MS.length - 1)];
}

async function create({ network, api, token }, { file, metadata }, events) {
  const answer = await network.request('POST', new URL('files', api), {
    headers: {
      ...TUS,
      ...bearer(token),
      'Upload-Length': String(file.size),
      'Upload-Metadata': Object.entries(metadata).map(([key, value]) => `${key} ${base64(value)}`).join(','),
    },
    signal: events.signal,
  });
  if (answer.status !== 201) throw new Refused(answer);
  events.onZero();
  const url = answer.header('Location');
  await events.onUrl(url);
  return url;
}

/** Where to go on; `null` if the upload is gone. */
async function ask({ network, token }, { url }, signal) {
  const answer = await network.request('HEAD', url, { headers: { ...TUS, ...bearer(token) }, signal });
  if (answer.status === 404 || answer.status === 410) return null;
  if (answer.status !== 200) throw new Refused(answer);
  return { offset: Number(answer.header('Upload-Offset')), messageId: answer.header('Chat-Message-Id') };
}

async function append({ network, token }, { url, file }, offset, events) {
  const piece = file.slice(offset, offset + Math.min(network.piece, file.size - offset));
  const answer = await network.request('PATCH', url, {
    headers: {
      ...TUS,
      ...bearer(token),
      'Upload-Offset': String(offset),
      'Content-Type': 'application/offset+octet-stream',
    },
    body: piece,
    onSent: (sent) => events.onProgress(offset + sent),
    signal: events.signal,
  });
  if (answer.status !== 204) throw new Refused(answer);
  return answer;
}

/** Another offset, a busy upload, a server that fails or starts: asking again tells how far it is. A server with other
 * keys than before gives new tokens, which are fetched meanwhile. */
export function mayTryAgain({ status }) {
  return status === 401 || status === 409 || status === 423 || status >= 500;
}

export function bearer(token) {
  return { Authorization: `Bearer ${token}` };
}

export function detailOf(answer) {
  try {
    return JSON.parse(answer.text).detail;
  } catch {
    return `The server answered ${answer.status}`;
  }
}

function base64(text) {
  return btoa(String.fromCodePoint(...new TextEncoder().encode(text)));
}
