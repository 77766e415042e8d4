// A resumable upload with tus-js-client: for videos, and wherever the connection may break. The browser remembers
// it in its localStorage: choose the same file again after a reload or a crash, and it goes on where it was.
//
// Answers the tus upload, whose `abort()` pauses and whose `start()` goes on.

import * as tus from 'tus-js-client';

export async function uploadResumably({ server, token }, file, conversationId, events, options = {}) {
  const { content, replyTo, clientMessageId } = options;
  const { onProgress, onMessage, onError } = events;
  const headers = { Authorization: `Bearer ${token}` };
  const metadata = { filename: file.name, filetype: file.type };
  if (content) metadata.content = content;
  if (replyTo) metadata.reply_to = replyTo;
  if (clientMessageId) metadata.client_message_id = clientMessageId;

  const upload = new tus.Upload(file, {
    // With the conversation in it, the same file for another conversation is another upload.
    endpoint: `${server}/conversations/${conversationId}/files`,
    headers,
    metadata,
    // Forgotten once it is a message, so that the same file can be sent again.
    removeFingerprintOnSuccess: true,
    retryDelays: [0, 1000, 3000, 5000, 10_000, 20_000],
    onProgress: (sent, total) => onProgress((sent / total) * 100),
    onError: (error) => onError(new Error(reason(error))),
    onSuccess: ({ lastResponse }) => read(lastResponse.getHeader('Chat-Message-Id')).then(onMessage, onError),
  });

  async function read(id) {
    const response = await fetch(`${server}/messages/${id}`, { headers });
    const body = await response.json();
    if (!response.ok) throw new Error(body.detail);
    return body;
  }

  const [previous] = await upload.findPreviousUploads();
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
