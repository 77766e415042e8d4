// tus-js-client by itself.

import { Upload } from 'tus-js-client';
import { type Begin, metadataOf, optionsFor } from './transfer';

export const begin: Begin = (session, job, events) => {
  const upload = new Upload(job.file, {
    ...optionsFor(session, job, events),
    metadata: metadataOf(job),
    uploadUrl: job.url,
    // The last answer names the message, be it of the last PATCH or of a HEAD after it.
    onSuccess: ({ lastResponse }) => events.onMessage(lastResponse.getHeader('Chat-Message-Id') ?? ''),
  });
  upload.start();
  return { pause: () => void upload.abort(), resume: () => upload.start() };
};
