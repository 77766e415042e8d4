// A bubble in the talk: a message, a file on its way, or what somebody else is sending.

import { clock, duration, size } from './words.js';

const template = document.getElementById('bubble-template');

function empty(kind, isOwn) {
  const element = template.content.firstElementChild.cloneNode(true);
  element.classList.add(kind);
  element.classList.toggle('own', isOwn);
  return element;
}

const part = (element, name) => element.querySelector(`.bubble-${name}`);

/** A message with its media. */
export function ofMessage(message, isOwn, nameOf) {
  const element = empty('message', isOwn);
  element.dataset.id = message._id;
  part(element, 'who').textContent = `${nameOf(message.sender)}, ${clock(message.created_at)}`;
  part(element, 'media').append(...mediaOf(message));
  part(element, 'text').textContent = message.content ?? '';
  part(element, 'file').append(...fileLineOf(message));
  return element;
}

function mediaOf(message) {
  const source = message.media_link;
  if (!source) return [];
  const label = message.content || message.file_name;
  if (message.type === 'image') return [make('img', { src: source, alt: label, loading: 'lazy' })];
  const settings = { src: source, controls: true, preload: 'metadata', ariaLabel: label };
  if (message.type === 'video') return [make('video', { ...settings, playsInline: true })];
  if (message.mime_type.startsWith('audio/')) return [make('audio', settings)];
  return [];
}

function fileLineOf(message) {
  const name = message.media_link
    ? make('a', { href: message.media_link, download: message.file_name, textContent: message.file_name })
    : make('span', { textContent: message.file_name });
  const line = [name, ` ${size(message.file_size)}`];
  if (!message.sha256) return line;
  const digest = make('details', { className: 'digest' });
  digest.append(make('summary', { textContent: 'SHA-256' }), make('code', { textContent: message.sha256 }));
  return [...line, digest];
}

/** A file of one's own on its way. `acts` are `{pause, go, cancel, again}`. */
export function ofSending(sending, acts) {
  const element = empty('sending', true);
  element.dataset.sending = sending.id;
  part(element, 'media').append(...previewOf(sending.file));
  const buttons = buttonsOf(acts);
  part(element, 'acts').append(...Object.values(buttons));
  const show = () => showSending(element, sending, buttons);
  sending.addEventListener('change', show);
  show();
  return element;
}

function previewOf(file) {
  if (!file.type.startsWith('image/')) return [];
  const image = make('img', { alt: '', src: URL.createObjectURL(file) });
  image.addEventListener('load', () => URL.revokeObjectURL(image.src), { once: true });
  return [image];
}

function buttonsOf({ pause, go, cancel, again }) {
  const button = (text, onclick) => make('button', { type: 'button', textContent: text, onclick });
  return {
    pause: button('Pause', pause),
    go: button('Go on', go),
    again: button('Try again', again),
    cancel: button('Cancel', cancel),
  };
}

function showSending(element, sending, buttons) {
  const { offset, file, state } = sending;
  const percent = file.size ? Math.floor((offset / file.size) * 100) : 100;
  element.dataset.state = state;
  part(element, 'who').textContent = `${sending.name}, ${size(file.size)}`;
  part(element, 'text').textContent = sending.isSaid ? sending.caption : '';
  const bar = part(element, 'progress');
  bar.hidden = state === 'failed';
  bar.value = percent;
  bar.ariaLabel = sending.name;
  part(element, 'state').textContent = stateOf(sending, percent);
  part(element, 'state').classList.toggle('error', state === 'failed');
  const isRunning = state === 'going';
  buttons.pause.hidden = !isRunning || !sending.canPause || sending.isWhole;
  buttons.go.hidden = state !== 'paused';
  buttons.again.hidden = state !== 'failed';
  buttons.cancel.hidden = state === 'made' || (sending.isWhole && sending.isSaid);
}

function stateOf(sending, percent) {
  const { offset, file, state } = sending;
  if (state === 'failed') return sending.error;
  const done = `${size(offset)} of ${size(file.size)}, ${percent} %`;
  if (state === 'paused') return `${done}, paused`;
  if (sending.isWhole) return sending.isSaid ? 'All there; its message is being made' : 'All there; press Send';
  if (!sending.isOnline) return `${done}, waits for the line`;
  const speed = sending.speed.value;
  if (speed < 1) return done;
  return `${done}, ${size(speed)}/s, ${duration((file.size - offset) / speed)}`;
}

/** What somebody else is sending, by the server's own events. */
export function ofOthers(upload, nameOf) {
  const element = empty('others', false);
  element.dataset.upload = upload.upload_id;
  part(element, 'progress').hidden = false;
  return element;
}

export function showOthers(element, upload, isPaused, nameOf) {
  const percent = upload.percent ?? 0;
  const bar = part(element, 'progress');
  bar.value = percent;
  bar.ariaLabel = upload.file_name;
  element.classList.toggle('paused', isPaused);
  part(element, 'state').textContent = isPaused
    ? `${nameOf(upload.sender)} was cut off at ${percent} % of ${upload.file_name}`
    : `${nameOf(upload.sender)} is sending ${upload.file_name} … ${percent} %`;
}

function make(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}
