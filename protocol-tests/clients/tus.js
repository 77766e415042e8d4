// tus-js-client with its own defaults, uploading a file from the disk.
//
// What `config` leaves out stays the library's default. With `urlStorage` the URL of the upload
// is remembered in that file, and an earlier one is taken up again, as an application does.

import fs from 'node:fs';
import { PassThrough } from 'node:stream';
import * as tus from 'tus-js-client';
import { config, tell } from './events.js';

const options = {
  endpoint: config.endpoint,
  headers: { Authorization: `Bearer ${config.token}` },
  metadata: config.metadata,
  onUploadUrlAvailable: () => tell('created', { url: upload.url }),
  onChunkComplete: (size, accepted) => tell('accepted', { offset: accepted }),
  onAfterResponse: (request, response) => tell('answer', { method: request.getMethod(), status: response.getStatus() }),
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
if (config.urlStorage) options.urlStorage = new tus.FileUrlStorage(config.urlStorage);

// A file tells its length; a stream does not. Of a file with a deferred length the library announces a whole
// chunk at the end and sends what is left, which no server can take.
const file = fs.createReadStream(config.file);
const upload = new tus.Upload(options.uploadLengthDeferred ? file.pipe(new PassThrough()) : file, options);
if (config.urlStorage) {
  const previous = await upload.findPreviousUploads();
  tell('remembered', { uploads: previous.length });
  if (previous.length > 0) upload.resumeFromPreviousUpload(previous[0]);
}
upload.start();
