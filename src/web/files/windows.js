// The windows of this browser: each file is sent by one of them. When that one is closed, reloaded or crashed, the
// next goes on, and if there is none, then the next that is opened.

import { forget, kept, recall } from './keep.js';
import { terminate, unfinished } from './tus.js';

const windows = new BroadcastChannel('longhaul sendings');

const alone = (id, work) => navigator.locks.request(`sending ${id}`, work);

/** Keeps a new sending to this window, and lets the others stand by. */
export function own(sending) {
  alone(sending.id, () => {
    windows.postMessage(sending.id);
    return sending.over;
  });
}

/** Goes on with everything that was kept, now or when another window lets go of it. */
export async function standBy(devices) {
  const goOn = (id) => alone(id, async () => {
    const { record, file } = await recall(id);
    const device = devices.get(record?.person);
    if (!device) return;
    if (record.isCancelled && record.url) await terminate(device.to, record.url);
    if (record.isCancelled || !file) return forget(id);
    await device.resume(record, file).over;
  });
  windows.addEventListener('message', ({ data }) => goOn(data));
  const ids = await kept();
  ids.forEach(goOn);
}

/** Finds what the server has a part of, and no window of this browser a file. */
export async function findOthers(device) {
  const uploads = await unfinished(device.to);
  const known = new Set();
  for (const id of await kept()) {
    const { record, file } = await recall(id);
    if (record && (file || record.isCancelled)) known.add(record.url?.split('/').pop());
  }
  const isFound = (upload) =>
    upload.offset > 0 && upload.length !== null && !upload.is_partial && !upload.message && !upload.detail && !known.has(upload.upload_id);
  for (const upload of uploads.filter(isFound)) {
    device.find(upload, () => terminate(device.to, new URL(`files/${upload.upload_id}`, device.to.api)));
  }
}
