// A resumable upload with tus-js-client: for videos, and wherever the connection may break. The browser remembers
// it in its localStorage: choose the same file again after a reload or a crash, and it goes on where it was.
//
// `token` is a text, or a function that gets a fresh one. Answers the tus upload, whose `abort()` pauses and whose
// `start()` goes on.

import * as tus from 'tus-js-client';

export async function uploadResumably({ server, token }, file, conversationId, events, options = {}) {
  const { content, replyTo, clientMessageId } = options;
  const { onProgress, onMessage, onError } = events;
  // Asked for before each request: an upload may outlast a token.
  const authorization = async () => `Bearer ${typeof token === 'function' ? await token() : token}`;
  const metadata = { filename: file.name, filetype: file.type };
  if (content) metadata.content = content;
  if (replyTo) metadata.reply_to = replyTo;
  // If the answer to the creation is lost and it is sent again, it is still one upload and one message.
  metadata.client_message_id = clientMessageId ?? crypto.randomUUID();

  const upload = new tus.Upload(file, {
    // With the conversation in it, the same file for another conversation is another upload.
    endpoint: `${server}/conversations/${conversationId}/files`,
    metadata,
    onBeforeRequest: async (request) => request.setHeader('Authorization', await authorization()),
    // Forgotten once it is a message, so that the same file can be sent again.
    removeFingerprintOnSuccess: true,
    // Longer than a tunnel; whatever got through in between starts them anew.
    retryDelays: [0, 1000, 3000, 5000, 10_000, 20_000, 30_000, 60_000, 60_000, 120_000, 120_000],
    onProgress: (sent, total) => onProgress((sent / total) * 100),
    onError: (error) => {
      // A browser that knows that it is offline retries nothing.
      if (navigator.onLine) onError(new Error(reason(error)));
      else window.addEventListener('online', () => upload.start(), { once: true });
    },
    onSuccess: ({ lastResponse }) => read(lastResponse.getHeader('Chat-Message-Id')).then(onMessage, onError),
  });

  async function read(id) {
    const response = await fetch(`${server}/messages/${id}`, { headers: { Authorization: await authorization() } });
    const body = await response.json();
    if (!response.ok) throw new Error(body.detail);
    return body;
  }

  const interrupted = await upload.findPreviousUploads();
  // With another caption, or for another answer, it is meant to be another message.
  const previous = interrupted.find(
    (before) => before.metadata.content === metadata.content && before.metadata.reply_to === metadata.reply_to,
  );
  if (previous) upload.resumeFromPreviousUpload(previous);
  upload.start();
  return upload;
}

// The server's own words, if it was the server that refused.
function reason(error) {
  try {
    return JSON.parse(error.originalResponse.getBody()).detail;
  } catch {
    return error.message;
  }
}
