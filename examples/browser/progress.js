// One request with XMLHttpRequest, which tells how much of it has been sent; fetch still does not.

export function uploadFileWithProgress({ server, token }, file, conversationId, onProgress, options = {}) {
  const { content, replyTo, clientMessageId, signal } = options;
  const form = new FormData();
  form.append('conversation_id', conversationId);
  if (content) form.append('content', content);
  if (replyTo) form.append('reply_to', replyTo);
  if (clientMessageId) form.append('client_message_id', clientMessageId);
  form.append('file', file);

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
    xhr.addEventListener('abort', () => reject(new DOMException('Upload cancelled', 'AbortError')));
    signal?.addEventListener('abort', () => xhr.abort());

    xhr.open('POST', `${server}/messages/upload`);
    xhr.setRequestHeader('Authorization', `Bearer ${token}`);
    xhr.send(form);
  });
}
