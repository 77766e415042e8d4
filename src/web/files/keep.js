// What this browser keeps of files that are under way: the file itself, and how far the sending had come. It
// outlives a reload, a closed tab and a closed browser, so nobody has to choose a file again.

const NAME = 'longhaul';
const STORE = 'sendings';

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.addEventListener('upgradeneeded', () => request.result.createObjectStore(STORE, { keyPath: 'id' }));
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error));
  });
}

async function inStore(mode, work) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = work(transaction.objectStore(STORE));
      transaction.addEventListener('complete', () => resolve(request.result));
      transaction.addEventListener('error', () => reject(transaction.error));
      transaction.addEventListener('abort', () => reject(transaction.error));
    });
  } finally {
    database.close();
  }
}

/** Keeps a sending's record, which is found by its `id`. */
export const keep = (record) => inStore('readwrite', (store) => store.put(record));

/** Lets go of a record. */
export const forget = (id) => inStore('readwrite', (store) => store.delete(id));

/** Every record. */
export const kept = () => inStore('readonly', (store) => store.getAll());
