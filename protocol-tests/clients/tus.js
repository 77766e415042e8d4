// tus-js-client with its own defaults, uploading a file from the disk.
//
// Options that `config` leaves out keep the library's defaults. With `urlStorage` the URL of the upload
// is remembered in that file, and an earlier upload is resumed, as an application does. With `expiry`
// the token expires after that many requests, and after a refusal the application gets another one.
// Orders on the standard input: abort, terminate, start.

import fs from 'node:fs';
import readline from 'node:readline';
import { PassThrough } from 'node:stream';
import { config, tell } from './events.js';

const library = config.library ?? 'tus-js-client';
const tus = await import(library);

const options = {
  endpoint: config.endpoint,
  headers: { Authorization: `Bearer ${config.token}` },
  metadata: config.metadata,
  onUploadUrlAvailable: () => tell('created', { url: upload.url }),
  onChunkComplete: (size, accepted) => tell('accepted', { offset: accepted }),
  onAfterResponse: (request, response) => {
    const location = response.getHeader('Location');
    tell('answer', { method: request.getMethod(), status: response.getStatus(), location });
  },
  onSuccess: ({ lastResponse }) => {
    tell('success', {
      url: upload.url,
      status: lastResponse.getStatus(),
      message_id: lastResponse.getHeader('Chat-Message-Id'),
      message_url: lastResponse.getHeader('Chat-Message-Url'),
      state: lastResponse.getHeader('Chat-Upload-State'),
    });
  },
  onError: (error) => tell('error', { message: error.message }),
  ...config.options,
};
if (config.urlStorage) options.urlStorage = await fileUrlStorage(config.urlStorage);
if (config.expiry) Object.assign(options, tokenThatExpires(config.expiry));

// A file tells its length; a stream does not. If the length of a file is deferred, the library announces a whole
// chunk at the end but sends less, which no server can accept; so a stream is used then.
const file = fs.createReadStream(config.file);
const upload = new tus.Upload(options.uploadLengthDeferred ? file.pipe(new PassThrough()) : file, options);
if (config.urlStorage) {
  const previous = await upload.findPreviousUploads();
  tell('remembered', { uploads: previous.length });
  if (previous.length > 0) upload.resumeFromPreviousUpload(previous[0]);
}
upload.start();

const orders = {
  abort: () => upload.abort().then(() => tell('aborted')),
  terminate: () => upload.abort(true).then(() => tell('terminated'), (error) => tell('error', { message: error.message })),
  start: () => upload.start(),
};
readline.createInterface({ input: process.stdin }).on('line', (line) => orders[JSON.parse(line)]());

// Since version 5 the file storage is in a module of its own.
async function fileUrlStorage(path) {
  const { FileUrlStorage } = tus.FileUrlStorage ? tus : await import(`${library}/node/FileUrlStorage`);
  return new FileUrlStorage(path);
}

function tokenThatExpires({ after, expired, fresh }) {
  let token = config.token;
  let requests = 0;
  return {
    headers: {},
    onBeforeRequest: (request) => {
      if (requests === after) token = expired;
      requests += 1;
      request.setHeader('Authorization', `Bearer ${token}`);
    },
    onShouldRetry: (error) => {
      if (error.originalResponse?.getStatus() !== 401) return true;
      tell('refused');
      token = fresh;
      return true;
    },
  };
}
