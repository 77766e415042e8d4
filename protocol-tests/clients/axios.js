// The one-shot with axios, with the explicit Content-Type of the chat's React example.

import fs from 'node:fs';
import path from 'node:path';
import axios from 'axios';
import { config, tell } from './events.js';

const blob = await fs.openAsBlob(config.file, { type: config.type });
const formData = new FormData();
formData.append('file', new File([blob], path.basename(config.file), { type: config.type }));
for (const [name, value] of Object.entries(config.fields)) formData.append(name, value);

let percentCompleted = 0;
try {
  const response = await axios.post(config.url, formData, {
    headers: {
      'Authorization': `Bearer ${config.token}`,
      'Content-Type': 'multipart/form-data'
    },
    onUploadProgress: (progressEvent) => {
      percentCompleted = Math.round(
        (progressEvent.loaded * 100) / progressEvent.total
      );
    }
  });
  tell('answer', { status: response.status, body: response.data, percent: percentCompleted });
} catch (error) {
  tell('error', { message: String(error), status: error.response?.status });
}
