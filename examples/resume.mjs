// Sends a file to a conversation, and goes on where it was however often it is interrupted: stop this process
// (Ctrl-C, kill -9), unplug the network, restart the server, and run the same command again.
//
//   TOKEN=... node resume.mjs FILE [CONVERSATION_ID]
//
// The token and the conversation are those that demo mode prints; SERVER is http://127.0.0.1:8000 by default.

import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import * as tus from 'tus-js-client';

const [file, conversation = '507f1f77bcf86cd799439012'] = process.argv.slice(2);
const { SERVER: server = 'http://127.0.0.1:8000', TOKEN: token } = process.env;
if (!file || !token) {
  console.error('usage: TOKEN=... node resume.mjs FILE [CONVERSATION_ID]');
  process.exit(2);
}
const headers = { Authorization: `Bearer ${token}` };

const upload = new tus.Upload(fs.createReadStream(file), {
  // The conversation is a part of the endpoint, and the endpoint of what uploads are remembered by: the same
  // file for another conversation is another upload.
  endpoint: `${server}/conversations/${conversation}/files`,
  headers,
  metadata: {
    filename: path.basename(file),
    // If the answer to the creation is lost and it is sent again, it is still one upload and one message.
    client_message_id: randomUUID(),
  },
  // Remembers the upload's URL beyond the end of this process, until the message is there.
  urlStorage: new tus.FileUrlStorage('uploads.json'),
  removeFingerprintOnSuccess: true,
  retryDelays: [0, 1000, 3000, 5000, 10_000],
  onProgress: (sent, total) => process.stderr.write(`\r${sent} of ${total} bytes`),
  onError: (error) => {
    console.error(`\n${error.message}`);
    process.exitCode = 1;
  },
  onSuccess: async ({ lastResponse }) => {
    process.stderr.write('\n');
    const id = lastResponse.getHeader('Chat-Message-Id');
    const message = await fetch(`${server}/messages/${id}`, { headers });
    console.log(await message.json());
  },
});

const [previous] = await upload.findPreviousUploads();
if (previous) upload.resumeFromPreviousUpload(previous);
upload.start();
