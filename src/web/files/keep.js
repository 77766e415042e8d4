// What this browser keeps, so that it outlives a reload, a closed tab and a closed browser: of files that are under
// way how far they are, the files themselves, and what the line has cost.

const NAME = 'longhaul';
const STORES = { sendings: { keyPath: 'id' }, files: {}, counts: {} };

const database = new Promise((resolve, reject) => {
  const request = indexedDB.open(NAME, 2);
  request.addEventListener('upgradeneeded', () => {
    for (const name of request.result.objectStoreNames) request.result.deleteObjectStore(name);
    for (const [name, options] of Object.entries(STORES)) request.result.createObjectStore(name, options);
  });
  request.addEventListener('success', () => resolve(request.result));
  request.addEventListener('error', () => reject(request.error));
});

async function inStores(names, mode, work) {
  const transaction = (await database).transaction(names, mode);
  const request = work(...names.map((name) => transaction.objectStore(name)));
  return new Promise((resolve, reject) => {
    transaction.addEventListener('complete', () => resolve(request.result));
    for (const end of ['error', 'abort']) transaction.addEventListener(end, () => reject(transaction.error));
  });
}

/** Keeps what is known of a sending, which is found by its `id`. It is small: the file lies beside it. */
export const keep = (record) => inStores(['sendings'], 'readwrite', (sendings) => sendings.put(record));

/** Keeps a sending's file. A large one takes its time. */
export const keepFile = (id, file) => inStores(['files'], 'readwrite', (files) => files.put(file, id));

/** Lets go of a sending and its file. */
export const forget = (id) =>
  inStores(['sendings', 'files'], 'readwrite', (sendings, files) => {
    files.delete(id);
    return sendings.delete(id);
  });

/** The ids of all sendings that are kept. */
export const kept = () => inStores(['sendings'], 'readonly', (sendings) => sendings.getAllKeys());

/** What is known of a sending, and its file; `undefined` for what is not there (any more). */
export async function recall(id) {
  const record = await inStores(['sendings'], 'readonly', (sendings) => sendings.get(id));
  return { record, file: await inStores(['files'], 'readonly', (files) => files.get(id)) };
}

/** Adds to a counter, whichever window of the browser does. */
export const addTo = (name, amount) =>
  inStores(['counts'], 'readwrite', (counts) => {
    const request = counts.get(name);
    request.addEventListener('success', () => counts.put((request.result ?? 0) + amount, name));
    return request;
  });

/** What a counter stands at. */
export const counted = async (name) => (await inStores(['counts'], 'readonly', (counts) => counts.get(name))) ?? 0;

/** Begins to count anew. */
export const countAnew = () => inStores(['counts'], 'readwrite', (counts) => counts.clear());
