// The one-shot as a page sends it, with fetch and FormData; the file is read from the disk while it is sent.

import fs from 'node:fs';
import path from 'node:path';
import { config, tell } from './events.js';

const blob = await fs.openAsBlob(config.file, { type: config.type });
const formData = new FormData();
formData.append('file', new File([blob], path.basename(config.file), { type: config.type }));
for (const [name, value] of Object.entries(config.fields)) formData.append(name, value);

try {
  const response = await fetch(config.url, {
    method: 'POST',
    headers: { Authorization: `Bearer ${config.token}` },
    body: formData,
  });
  tell('answer', { status: response.status, body: await response.json() });
} catch (error) {
  tell('error', { message: String(error), cause: String(error.cause) });
}
