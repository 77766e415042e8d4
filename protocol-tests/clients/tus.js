// tus-js-client with its own defaults, uploading a file from the disk.
//
// What `config` leaves out stays the library's default. With `urlStorage` the URL of the upload
// is remembered in that file, and an earlier one is taken up again, as an application does.

import fs from 'node:fs';
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

const upload = new tus.Upload(fs.createReadStream(config.file), options);
if (config.urlStorage) {
  const previous = await upload.findPreviousUploads();
  tell('remembered', { uploads: previous.length });
  if (previous.length > 0) upload.resumeFromPreviousUpload(previous[0]);
}
upload.start();
