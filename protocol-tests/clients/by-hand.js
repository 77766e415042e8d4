// tus 1.0.0 without a tus library: create, send, ask for the offset, send the rest.
//
// `client` is fetch or axios; `body` is blob, which has a length, or stream, which is sent with
// chunked encoding.

import fs from 'node:fs';
import axios from 'axios';
import { config, tell } from './events.js';

const clients = {
  async fetch(method, url, headers, body) {
    const response = await fetch(url, { method, headers, body, duplex: 'half' });
    return { status: response.status, header: (name) => response.headers.get(name) };
  },
  // axios keeps up to 10 MB of a body in memory, unless redirects are off.
  async axios(method, url, headers, data) {
    const always = { validateStatus: () => true, maxRedirects: 0, maxBodyLength: Infinity };
    const response = await axios.request({ method, url, headers, data, ...always });
    return { status: response.status, header: (name) => response.headers[name.toLowerCase()] };
  },
};

async function ask(method, url, headers, body) {
  const all = { 'Authorization': `Bearer ${config.token}`, 'Tus-Resumable': '1.0.0', ...headers };
  const answer = await clients[config.client](method, url, all, body);
  tell('answer', { method, status: answer.status, offset: answer.header('Upload-Offset') });
  return answer;
}

async function from(offset) {
  if (config.body === 'blob') return (await fs.openAsBlob(config.file)).slice(offset);
  return fs.createReadStream(config.file, { start: offset });
}

async function append(url, offset) {
  const headers = { 'Upload-Offset': String(offset), 'Content-Type': 'application/offset+octet-stream' };
  return ask('PATCH', url, headers, await from(offset));
}

// An idle connection may have died too, which shows only when it is used.
async function goOn(url) {
  try {
    const head = await ask('HEAD', url);
    return await append(url, Number(head.header('Upload-Offset')));
  } catch (error) {
    tell('broken', { message: String(error) });
    return goOn(url);
  }
}

async function send(url) {
  try {
    return await append(url, 0);
  } catch (error) {
    tell('broken', { message: String(error) });
    return goOn(url);
  }
}

const { size } = fs.statSync(config.file);
const metadata = Object.entries(config.metadata).map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`).join();
const created = await ask('POST', config.endpoint, { 'Upload-Length': String(size), 'Upload-Metadata': metadata });
const url = created.header('Location');
const last = await send(url);
tell('success', { url, status: last.status, message_id: last.header('Chat-Message-Id') });
