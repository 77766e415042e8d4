// Which library sends: tus-js-client, or with `?uploader=uppy` in the address Uppy. A product chooses one and imports it.

import type { Begin } from './transfer';

const isUppy = new URLSearchParams(location.search).get('uploader') === 'uppy';

export async function library(): Promise<Begin> {
  return (await (isUppy ? import('./with-uppy') : import('./with-tus'))).begin;
}
