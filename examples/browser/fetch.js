// One request with fetch: enough where nobody waits for a progress bar.
//
// `content`, `replyTo`, `clientMessageId` and `signal` may be left out. With the same `clientMessageId` a second
// attempt, after an answer that was lost, is not a second message.

export async function uploadFile({ server, token }, file, conversationId, options = {}) {
  const { content, replyTo, clientMessageId, signal } = options;
  const form = new FormData();
  // Before the file: the server need not read a video to see that it is for nobody.
  form.append('conversation_id', conversationId);
  if (content) form.append('content', content);
  if (replyTo) form.append('reply_to', replyTo);
  if (clientMessageId) form.append('client_message_id', clientMessageId);
  form.append('file', file);

  const response = await fetch(`${server}/messages/upload`, {
    method: 'POST',
    // No Content-Type: the browser sets it, with the boundary that only it knows.
    headers: { Authorization: `Bearer ${token}` },
    body: form,
    signal,
  });
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail);
  return body.message;
}
