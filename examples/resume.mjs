// Sends a file to a conversation, and goes on where it was however often it is interrupted: stop this process
// (Ctrl-C, kill -9), unplug the network, restart the server, and run the same command again.
//
//   TOKEN=... node resume.mjs FILE [CONVERSATION_ID [CAPTION]]
//
// The token is one that `longhaul token` prints, the conversation the demo's; SERVER is http://127.0.0.1:8000 by default.

import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import * as tus from 'tus-js-client';

const [file, conversation = '507f1f77bcf86cd799439012', caption = ''] = process.argv.slice(2);
const { SERVER: server = 'http://127.0.0.1:8000', TOKEN: token } = process.env;
if (!file || !token) {
  console.error('usage: TOKEN=... node resume.mjs FILE [CONVERSATION_ID [CAPTION]]');
  process.exit(2);
}

// Asked before each request. Where tokens run out, a fresh one is got here: an upload may outlast one.
async function authorization() {
  return `Bearer ${token}`;
}

const upload = new tus.Upload(fs.createReadStream(file), {
  // The conversation is a part of the endpoint, and the endpoint of what uploads are remembered by: the same
  // file for another conversation is another upload.
  endpoint: `${server}/conversations/${conversation}/files`,
  onBeforeRequest: async (request) => request.setHeader('Authorization', await authorization()),
  metadata: {
    filename: path.basename(file),
    content: caption,
    // If the answer to the creation is lost and it is sent again, it is still one upload and one message.
    client_message_id: randomUUID(),
  },
  // Remembers the upload's URL beyond the end of this process, until the message is there: from then on the same file
  // is another message.
  urlStorage: new tus.FileUrlStorage('uploads.json'),
  removeFingerprintOnSuccess: true,
  // Longer than a tunnel; whatever got through in between starts them anew.
  retryDelays: [0, 1000, 3000, 5000, 10_000, 20_000, 30_000, 60_000, 60_000, 120_000, 120_000],
  onProgress: (sent, total) => process.stderr.write(`\r${sent} of ${total} bytes`),
  onError: (error) => {
    console.error(`\n${error.message}`);
    process.exitCode = 1;
  },
  onSuccess: async ({ lastResponse }) => {
    process.stderr.write('\n');
    const id = lastResponse.getHeader('Chat-Message-Id');
    const message = await fetch(`${server}/messages/${id}`, { headers: { Authorization: await authorization() } });
    console.log(await message.json());
  },
});

const interrupted = await upload.findPreviousUploads();
// With another caption it is meant to be another message.
const previous = interrupted.find(({ metadata }) => metadata.content === caption);
if (previous) upload.resumeFromPreviousUpload(previous);
upload.start();
