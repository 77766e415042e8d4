// The same by Uppy, without its dashboard: what matters is in the options of @uppy/tus. Never `cancelAll` or `destroy`
// where a pause is meant: both end the upload on the server.

import Uppy from '@uppy/core';
import Tus from '@uppy/tus';
import { type Begin, metadataOf, optionsFor } from './transfer';

export const begin: Begin = (session, job, events) => {
  const metadata = metadataOf(job);
  const uppy = new Uppy<typeof metadata, { xhr: XMLHttpRequest }>();
  // Uppy has metadata of its own beside ours.
  uppy.use(Tus, { ...optionsFor(session, job, events), uploadUrl: job.url, allowedMetaFields: Object.keys(metadata) });
  uppy.on('upload-success', (_, { body }) => events.onMessage(body?.xhr.getResponseHeader('Chat-Message-Id') ?? ''));
  uppy.addFile({ name: job.file.name, type: job.file.type, data: job.file, meta: metadata });
  // What fails is told by the options' `onError`.
  uppy.upload().catch(() => {});
  return { pause: () => uppy.pauseAll(), resume: () => uppy.resumeAll() };
};
