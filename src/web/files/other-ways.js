// The two ways that cannot go on after a lost connection, for comparison: one request with everything in it, and
// the legacy socket event with the file as base64.

import { LineDead } from './network.js';
import { bearer, detailOf } from './tus.js';

/** `POST /messages/upload`: the message, or an error. */
export async function sendInOneRequest({ network, api, token }, { file, conversation, caption, id }, events) {
  const form = new FormData();
  form.append('conversation_id', conversation);
  if (caption) form.append('content', caption);
  form.append('client_message_id', id);
  form.append('file', file, file.name);
  const answer = await network.request('POST', new URL('messages/upload', api), {
    headers: bearer(token),
    body: form,
    whole: file.size,
    onSent: (sent) => events.onProgress(Math.min(sent, file.size)),
    signal: events.signal,
  });
  if (answer.status !== 200) throw new Error(detailOf(answer));
  return JSON.parse(answer.text).message;
}

/** `send_message` over Socket.IO: the message, or an error. */
export async function sendOverTheSocket({ network, live }, { file, conversation, caption, id }, events) {
  const message = {
    conversation_id: conversation,
    content: caption || null,
    type: file.type.startsWith('image/') ? 'image' : 'file',
    file_name: file.name,
    file_data: await dataUrl(file),
    client_message_id: id,
  };
  const answer = await network.logged({ method: 'EMIT', path: 'send_message' }, async (row) => {
    await network.carry(message.file_data.length, {
      onSent: (sent) => events.onProgress(Math.min(sent, file.size)),
      signal: events.signal,
    });
    await live.whenUp();
    const acknowledged = await live.ask('send_message', message);
    row.status = acknowledged.success ? 200 : acknowledged.code;
    return acknowledged;
  });
  if (!answer.success) throw new Error(answer.detail);
  return answer.message;
}

/** What a person reads when one of these two ways broke. */
export function wordsFor(error) {
  return error instanceof LineDead
    ? 'The connection died, and this way cannot go on: all of it has to be sent again.'
    : error.message;
}

function dataUrl(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener('load', () => resolve(reader.result));
    reader.addEventListener('error', () => reject(reader.error));
    reader.readAsDataURL(file);
  });
}
