// The code in the page of browser.js: the upload libraries, each behind `start`, `pause` and `resume`,
// and the functions of a page without a library.

import * as tus4 from 'tus-js-client';
import * as tus5 from 'tus-js-client-5';
import Uppy from '@uppy/core';
import UppyTus from '@uppy/tus';
import axios from 'axios';
import { io } from 'socket.io-client';
import { sendAsInReadme } from 'readme';
import { film, picture } from './film.js';
import { uploadFile, uploadFileWithProgress } from './one-shot.js';

const { tell } = globalThis;
const chosen = () => document.querySelector('input').files[0];

const told = {
  onChunkComplete: (size, accepted) => tell('accepted', { offset: accepted }),
  onAfterResponse: (request, response) => {
    const location = response.getHeader('Location');
    tell('answer', { method: request.getMethod(), status: response.getStatus(), location });
  },
};

function success(url, header) {
  tell('success', { url, message_id: header('Chat-Message-Id'), state: header('Chat-Upload-State') });
}

function withTus(library) {
  return async ({ endpoint, token, metadata, options }) => {
    const upload = new library.Upload(chosen(), {
      endpoint,
      headers: { Authorization: `Bearer ${token}` },
      metadata,
      ...told,
      onSuccess: ({ lastResponse }) => success(upload.url, (name) => lastResponse.getHeader(name)),
      onError: (error) => tell('error', { message: error.message }),
      ...options,
    });
    const previous = await upload.findPreviousUploads();
    tell('remembered', { uploads: previous.length });
    if (previous.length > 0) upload.resumeFromPreviousUpload(previous[0]);
    upload.start();
    return { pause: () => upload.abort(), resume: () => upload.start() };
  };
}

// Uppy looks for remembered uploads by itself.
async function withUppy({ endpoint, token, metadata, options }) {
  const uppy = new Uppy({ meta: metadata });
  uppy.use(UppyTus, { endpoint, headers: { Authorization: `Bearer ${token}` }, ...told, ...options });
  uppy.on('upload-success', (file, { uploadURL, body }) => success(uploadURL, (name) => body.xhr.getResponseHeader(name)));
  uppy.on('upload-error', (file, error) => tell('error', { message: error.message }));
  const { name, type } = chosen();
  uppy.addFile({ name, type, data: chosen() });
  uppy.upload();
  return { pause: () => uppy.pauseAll(), resume: () => uppy.resumeAll() };
}

const clients = { 'tus-js-client': withTus(tus4), 'tus-js-client-5': withTus(tus5), uppy: withUppy };

const oneShots = {
  fetch: ({ to, conversation, options }) => uploadFile(to, chosen(), conversation, options),
  XMLHttpRequest: ({ to, conversation, options }) =>
    uploadFileWithProgress(to, chosen(), conversation, (percent) => tell('percent', percent), options),
  async axios({ to, conversation, options }) {
    const form = { file: chosen(), conversation_id: conversation, content: options.content };
    const headers = { Authorization: `Bearer ${to.token}` };
    return (await axios.postForm(`${to.server}/messages/upload`, form, { headers })).data.message;
  },
};

// The functions of an application around the README's code: what it shows, and its token for each request.
const shown = {
  onProgress: (part) => tell('progress', { part }),
  onMessage: (message) => tell('shown', { message_id: message._id ?? message }),
  onError: (error) => tell('error', { message: error.message }),
};
async function freshToken(token) {
  tell('token');
  return token;
}

const asPublished = {
  readme: ({ to, conversation, caption }) =>
    sendAsInReadme({
      server: to.server,
      conversationId: conversation,
      file: chosen(),
      caption,
      freshToken: () => freshToken(to.token),
      showProgress: shown.onProgress,
      showMessage: shown.onMessage,
      showError: shown.onError,
    }),
};

// The brightness of an element's picture, from 0 to 255.
function brightness(element) {
  const context = new OffscreenCanvas(1, 1).getContext('2d');
  context.drawImage(element, 0, 0, 1, 1);
  return context.getImageData(0, 0, 1, 1).data[0];
}

let upload;
let socket;
const orders = {
  async start({ client, ...config }) {
    upload = await clients[client](config);
  },
  async sendAsPublished({ lines, ...order }) {
    const running = await asPublished[lines](order);
    upload = { pause: () => running.abort(), resume: () => running.start() };
  },
  pause: () => upload.pause(),
  resume: () => upload.resume(),
  oneShot({ client, ...config }) {
    oneShots[client](config).then(
      (message) => tell('message', message),
      (error) => tell('refused', { message: error.message }),
    );
  },
  // Shows a picture as an application does, with a user's token or without one.
  async get({ url, token, number }) {
    const response = await fetch(url, token ? { headers: { Authorization: `Bearer ${token}` } } : {});
    tell('got', { number, status: response.status, text: await response.text() });
  },
  // Makes a film and a picture, and sends them as messages.
  async sendMade({ to, conversation, secs }) {
    const made = { 'film.webm': await film(secs), 'picture.png': await picture(180, 'image/png') };
    for (const [name, blob] of Object.entries(made)) {
      tell('message', await uploadFile(to, new File([blob], name, { type: blob.type }), conversation, {}));
    }
  },
  // Shows media in elements, which load by themselves and send no token.
  async show({ picture, film, at }) {
    const image = document.body.appendChild(new Image());
    image.src = picture;
    await image.decode();
    const video = document.body.appendChild(document.createElement('video'));
    const next = (event) => new Promise((resolve, reject) => {
      video.addEventListener(event, resolve, { once: true });
      video.addEventListener('error', () => reject(new Error(video.error.message)), { once: true });
    });
    // With CORS, so that the page may read the pixels that it shows.
    video.crossOrigin = 'anonymous';
    video.muted = true;
    video.preload = 'metadata';
    video.src = film;
    await next('loadeddata');
    const [duration, before] = [video.duration, brightness(video)];
    video.currentTime = at;
    await next('seeked');
    tell('shown', { picture: image.naturalWidth, film: video.videoWidth, duration, before, at: video.currentTime, after: brightness(video) });
  },
  connect({ url, ...options }) {
    socket = io(url, options);
    socket.on('connect', () => tell('connect'));
    socket.on('connect_error', (error) => tell('connect_error', { message: error.message }));
    socket.onAny((event, data) => tell(event, data));
  },
  // A file's bytes as a data URL, as FileReader gives them.
  async send(data) {
    const reader = new FileReader();
    await new Promise((resolve) => {
      reader.onload = resolve;
      reader.readAsDataURL(chosen());
    });
    socket.emit('send_message', { ...data, file_data: reader.result }, (answer) => tell('ack', answer));
  },
};

globalThis.obey = ({ do: name, ...order }) => orders[name](order);
