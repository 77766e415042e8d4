// Runs the chat's published `FileUploader` class, letter for letter, with what a browser would
// have around it: a FileReader, a File, and a connected socket.

import fs from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';
import { io } from 'socket.io-client';
import { config, tell } from './events.js';

class FileReader {
  readAsDataURL(file) {
    file.arrayBuffer().then(
      (bytes) => {
        this.result = `data:${file.type};base64,${Buffer.from(bytes).toString('base64')}`;
        this.onload();
      },
      (error) => this.onerror(error),
    );
  }
}
globalThis.FileReader = FileReader;

const published = fs.readFileSync(new URL('./file-uploader-as-published.js', import.meta.url), 'utf8');
const FileUploader = vm.runInThisContext(`${published}\nFileUploader`);

const socket = io(config.url, { auth: { token: config.token } });
socket.on('connect_error', (error) => tell('connect_error', { message: error.message }));
await new Promise((resolve) => socket.once('connect', resolve));

const blob = await fs.openAsBlob(config.file, { type: config.type });
const file = new File([blob], path.basename(config.file), { type: config.type });
const uploader = new FileUploader(socket, config.url, config.token);
try {
  tell('sent', await uploader.sendMessage(file, config.conversation, config.caption));
} catch (error) {
  tell('error', { message: String(error) });
}
socket.close();
