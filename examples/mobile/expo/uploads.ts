// Sending from an Expo app: tus-js-client, which reads the file piece by piece with expo-file-system, and a file for each
// upload that outlives the app.
//
// At each start, and whenever `AppState` becomes `active` or the network comes back:
//
//   for (const upload of await kept()) void send(upload, session, events);

import { Directory, File, FileMode, Paths } from 'expo-file-system';
import * as tus from 'tus-js-client';

export interface Upload {
  /** A UUID that is made when the person presses Send: `client_message_id`, until the message is there. */
  id: string;
  /** Copied into the app's documents before: a picker's file may be gone tomorrow. */
  uri: string;
  name: string;
  type: string;
  conversation: string;
  caption: string;
  /** Where it is on the server, once it has begun. */
  url: string | null;
}

export interface Session {
  server: string;
  freshToken: () => Promise<string>;
  forgetToken: () => void;
}

export interface Events {
  onProgress: (upload: Upload, sent: number, total: number) => void;
  onMessage: (upload: Upload, messageId: string) => void;
  /** `null`: nothing is wrong with it, it waits for the network or the server. */
  onStop: (upload: Upload, why: Stop | null) => void;
}

export interface Stop {
  status: number;
  code: string;
  detail: string;
}

/** This much is in memory, as base64 a second time on its way to the system. */
const PIECE_BYTES = 4 * 1024 * 1024;

const folder = new Directory(Paths.document, 'uploads');
const recordOf = (id: string) => new File(folder, `${id}.json`);

export async function keep(upload: Upload): Promise<void> {
  folder.create({ intermediates: true, idempotent: true });
  await recordOf(upload.id).write(JSON.stringify(upload));
}

export async function kept(): Promise<Upload[]> {
  if (!folder.exists) return [];
  const records = folder.list().filter((entry) => entry instanceof File);
  return Promise.all(records.map(async (record) => JSON.parse(await record.text()) as Upload));
}

const forget = ({ id }: Upload) => recordOf(id).delete();

/** A source that has one piece in memory, whatever the size of the file. */
const fileReader: tus.FileReader = {
  async openFile(file: File) {
    const handle = file.open(FileMode.ReadOnly);
    const { size } = file;
    return {
      size,
      async slice(start, end) {
        handle.offset = start;
        const bytes = await handle.readBytes(Math.min(end, size) - start);
        // The library looks at the `size` of a piece, which an array of bytes has not.
        return { value: Object.assign(bytes, { size: bytes.length }), done: end >= size };
      },
      close: () => handle.close(),
    };
  },
};

/** Begins, or goes on where the server is. `abort()` of what it answers is a pause. */
export async function send(upload: Upload, session: Session, events: Events, mayBeginAnew = true): Promise<tus.Upload> {
  await keep(upload);
  const transfer = new tus.Upload(new File(upload.uri), {
    endpoint: `${session.server}/conversations/${upload.conversation}/files`,
    uploadUrl: upload.url,
    metadata: {
      filename: upload.name,
      filetype: upload.type,
      client_message_id: upload.id,
      ...(upload.caption && { content: upload.caption }),
    },
    chunkSize: PIECE_BYTES,
    fileReader,
    // The record has the address, for this message alone.
    storeFingerprintForResuming: false,
    retryDelays: [0, 1000, 3000, 5000],
    onBeforeRequest: async (request) => request.setHeader('Authorization', `Bearer ${await session.freshToken()}`),
    onAfterResponse: async (request, response) => {
      const location = response.getHeader('Location');
      if (request.getMethod() === 'POST' && location) await keep(Object.assign(upload, { url: location }));
    },
    onShouldRetry: (error, attempt) => {
      const status = error.originalResponse?.getStatus() ?? 0;
      if (status === 401) session.forgetToken();
      return mayPass(status) || (status === 401 && attempt === 0);
    },
    onProgress: (sent, total) => events.onProgress(upload, sent, total),
    onSuccess: ({ lastResponse }) => {
      forget(upload);
      events.onMessage(upload, lastResponse.getHeader('Chat-Message-Id') ?? '');
    },
    onError: async (error) => {
      const stop = stopOf('originalResponse' in error ? error.originalResponse : null);
      const isGone = stop?.status === 410 || stop?.code === 'upload_not_found';
      // The same client_message_id makes a new upload, or finds the message.
      if (isGone && mayBeginAnew) return void send({ ...upload, url: null }, session, events, false);
      // 422 is final for this id: another attempt is another `Upload`. Displaced: another device sends it now.
      if (stop?.status === 422 || stop?.code === 'upload_displaced') forget(upload);
      events.onStop(upload, stop);
    },
  });
  transfer.start();
  return transfer;
}

/** Why it stopped; `null` for what passes by itself. */
function stopOf(answer: tus.HttpResponse | null): Stop | null {
  const status = answer?.getStatus() ?? 0;
  if (mayPass(status)) return null;
  return { status, code: 'unknown', detail: 'It failed', ...JSON.parse(answer?.getBody() || '{}') };
}

/** A dead line, another offset, a busy upload, a server that fails, starts or has no room. */
const mayPass = (status: number) => status === 0 || status === 409 || status === 423 || status >= 500;
