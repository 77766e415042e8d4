// What the browser keeps of an upload: the file itself, and where it is. It outlives a reload, a closed tab and a closed
// browser, so that no file has to be chosen again.

import type { Job } from './transfer';

/** All but the file, which has a store of its own: writing this down again does not copy the file again. */
export interface Kept extends Omit<Job, 'file'> {
  id: string;
  person: string;
  isPaused: boolean;
}

const UPLOADS = 'uploads';
const FILES = 'files';

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('chat', 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(UPLOADS, { keyPath: 'id' });
      request.result.createObjectStore(FILES);
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

type Work<T> = (uploads: IDBObjectStore, files: IDBObjectStore) => IDBRequest<T>;

async function inOneStep<T>(mode: IDBTransactionMode, work: Work<T>): Promise<T> {
  const database = await open();
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction([UPLOADS, FILES], mode);
      const request = work(transaction.objectStore(UPLOADS), transaction.objectStore(FILES));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

export async function keep(kept: Kept, file?: File): Promise<void> {
  const work: Work<IDBValidKey> = (uploads, files) => {
    if (file) files.put(file, kept.id);
    return uploads.put(kept);
  };
  // Where the browser has no room for the file, it is sent all the same, and lost with the tab.
  await inOneStep('readwrite', work).catch(() => {});
}

export async function forget(id: string): Promise<void> {
  const work: Work<undefined> = (uploads, files) => {
    files.delete(id);
    return uploads.delete(id);
  };
  // Should it stay, the next start finds that its message is there.
  await inOneStep('readwrite', work).catch(() => {});
}

export async function find(id: string): Promise<[Kept, File] | null> {
  const kept = await inOneStep<Kept | undefined>('readonly', (uploads) => uploads.get(id));
  const file = await inOneStep<File | undefined>('readonly', (_, files) => files.get(id));
  return kept && file ? [kept, file] : null;
}

export async function keptBy(person: string): Promise<Kept[]> {
  const all = await inOneStep<Kept[]>('readonly', (uploads) => uploads.getAll()).catch(() => []);
  return all.filter((kept) => kept.person === person);
}
