// A React component over axios: choose a file, see it go, cancel it, get the message.

import axios from 'axios';
import { useRef, useState } from 'react';

async function uploadFile({ server, token }, file, conversationId, { content, onProgress, signal } = {}) {
  const form = new FormData();
  form.append('conversation_id', conversationId);
  if (content) form.append('content', content);
  form.append('file', file);
  // No Content-Type among the headers: with one of ours the boundary would be missing.
  const response = await axios.post(`${server}/messages/upload`, form, {
    headers: { Authorization: `Bearer ${token}` },
    onUploadProgress: ({ loaded, total }) => total && onProgress?.(Math.round((loaded * 100) / total)),
    signal,
  });
  return response.data.message;
}

export function Upload({ server, token, conversationId, onMessage }) {
  const [percent, setPercent] = useState(null);
  const [error, setError] = useState(null);
  const running = useRef(null);

  async function send(event) {
    const [file] = event.target.files;
    if (!file) return;
    running.current = new AbortController();
    const { signal } = running.current;
    setError(null);
    setPercent(0);
    try {
      onMessage(await uploadFile({ server, token }, file, conversationId, { onProgress: setPercent, signal }));
    } catch (failure) {
      if (!axios.isCancel(failure)) setError(failure.response?.data?.detail ?? failure.message);
    } finally {
      setPercent(null);
      event.target.value = '';
    }
  }

  return (
    <div>
      <input type="file" onChange={send} disabled={percent !== null} />
      {percent !== null && <progress value={percent} max="100" />}
      {percent !== null && <button onClick={() => running.current.abort()}>Cancel</button>}
      {error && <p role="alert">{error}</p>}
    </div>
  );
}
