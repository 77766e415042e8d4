// The one-shot as pages send it: with fetch, and with XMLHttpRequest, which tells how much has been sent.

function formOf(file, conversationId, { content, replyTo, clientMessageId }) {
  const form = new FormData();
  // The conversation comes before the file: then the server can refuse a stranger early.
  form.append('conversation_id', conversationId);
  if (content) form.append('content', content);
  if (replyTo) form.append('reply_to', replyTo);
  if (clientMessageId) form.append('client_message_id', clientMessageId);
  form.append('file', file);
  return form;
}

export async function uploadFile({ server, token }, file, conversationId, options = {}) {
  const response = await fetch(`${server}/messages/upload`, {
    method: 'POST',
    // Without a Content-Type: the browser sets it, with the boundary that it chose.
    headers: { Authorization: `Bearer ${token}` },
    body: formOf(file, conversationId, options),
  });
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail);
  return body.message;
}

export function uploadFileWithProgress({ server, token }, file, conversationId, onProgress, options = {}) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.responseType = 'json';
    xhr.upload.addEventListener('progress', (event) => {
      if (event.lengthComputable) onProgress((event.loaded / event.total) * 100);
    });
    xhr.addEventListener('load', () => {
      if (xhr.status === 200) resolve(xhr.response.message);
      else reject(new Error(xhr.response?.detail ?? `Upload failed: ${xhr.status}`));
    });
    xhr.addEventListener('error', () => reject(new Error('Upload failed')));
    xhr.open('POST', `${server}/messages/upload`);
    xhr.setRequestHeader('Authorization', `Bearer ${token}`);
    xhr.send(formOf(file, conversationId, options));
  });
}
