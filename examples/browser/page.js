// Ties the form of index.html to the three ways of sending.

import { uploadFile } from './fetch.js';
import { uploadFileWithProgress } from './progress.js';
import { uploadResumably } from './resumable.js';

const form = document.querySelector('form');
const bar = document.querySelector('progress');
const output = document.querySelector('pre');
const pause = form.elements.pause;

const show = (percent) => (bar.value = percent);
const tell = (message) => (output.textContent = JSON.stringify(message, null, 2));
const fail = (error) => (output.textContent = error.message);

async function send(way) {
  const { server, token, conversation, content, file } = form.elements;
  const to = { server: server.value, token: token.value };
  const options = { content: content.value };
  const [chosen] = file.files;
  show(0);
  output.textContent = '';
  if (way === 'fetch') return tell(await uploadFile(to, chosen, conversation.value, options));
  if (way === 'progress') return tell(await uploadFileWithProgress(to, chosen, conversation.value, show, options));
  const events = { onProgress: show, onMessage: tell, onError: fail };
  return offerPause(await uploadResumably(to, chosen, conversation.value, events, options));
}

function offerPause(upload) {
  pause.disabled = false;
  pause.textContent = 'Pause';
  pause.onclick = () => {
    const pausing = pause.textContent === 'Pause';
    if (pausing) upload.abort();
    else upload.start();
    pause.textContent = pausing ? 'Go on' : 'Pause';
  };
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  send(event.submitter.value).catch(fail);
});
