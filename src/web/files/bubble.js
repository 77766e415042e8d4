// A bubble in the talk: a message, a file on its way, or what is being sent from elsewhere.

import { fileLineOf, make, mediaOf } from './media.js';
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
export function ofMessage(message, isOwn, nameOf, to) {
  const element = empty('message', isOwn);
  element.dataset.id = message._id;
  const time = make('time', { dateTime: message.created_at, textContent: clock(message.created_at) });
  part(element, 'who').append(`${nameOf(message.sender)}, `, time);
  part(element, 'media').append(...mediaOf(message, to));
  part(element, 'text').textContent = message.content ?? '';
  part(element, 'file').append(...fileLineOf(message, to));
  return element;
}

/** A file of one's own on its way. */
export function ofSending(sending) {
  const element = empty('sending', true);
  element.dataset.sending = sending.id;
  part(element, 'media').append(previewOf(sending.file));
  const buttons = {
    turn: button('', () => (sending.state === 'going' ? sending.stop() : sending.go())),
    cancel: button('Cancel', () => sending.cancel()),
  };
  part(element, 'acts').append(...Object.values(buttons));
  const show = () => showSending(element, sending, buttons);
  sending.addEventListener('change', show);
  show();
  return element;
}

function button(text, onclick) {
  return make('button', { type: 'button', textContent: text, onclick });
}

/** A small picture of it, or else the end of its name. */
function previewOf(file) {
  const [kind] = file.type.split('/');
  const ending = /\.(\w{1,5})$/.exec(file.name)?.[1] ?? 'file';
  if (kind !== 'image' && kind !== 'video') return make('span', { className: 'ending', textContent: ending });
  const src = URL.createObjectURL(file);
  const letGo = () => URL.revokeObjectURL(src);
  const preview = kind === 'image' ? make('img', { alt: '', src }) : make('video', { src, muted: true, preload: 'metadata' });
  for (const event of ['load', 'loadeddata', 'error']) preview.addEventListener(event, letGo, { once: true });
  return preview;
}

function showSending(element, sending, { turn, cancel }) {
  const { offset, file, state } = sending;
  const percent = file.size ? Math.floor((offset / file.size) * 100) : 100;
  element.dataset.state = state;
  part(element, 'who').textContent = sending.name;
  part(element, 'text').textContent = sending.isSaid ? sending.caption : '';
  const bar = part(element, 'progress');
  bar.hidden = false;
  bar.value = percent;
  bar.ariaLabel = sending.name;
  part(element, 'done').textContent = `${size(offset)} of ${size(file.size)}`;
  part(element, 'percent').textContent = `${percent} %`;
  part(element, 'state').textContent = stateOf(sending);
  part(element, 'state').classList.toggle('error', state === 'failed');
  turn.textContent = { going: 'Pause', paused: 'Go on', failed: 'Try again' }[state] ?? '';
  turn.hidden = sending.isHopeless || (state === 'going' && (!sending.isResumable || sending.isWhole));
  turn.ariaLabel = `${turn.textContent}: ${sending.name}`;
  cancel.ariaLabel = `Cancel: ${sending.name}`;
  cancel.hidden = sending.isOver || (sending.isWhole && sending.isSaid);
}

function stateOf(sending) {
  const { offset, file, state } = sending;
  if (state === 'failed') return sending.error;
  if (state === 'paused') return 'paused';
  if (sending.isWhole) return sending.isSaid ? 'all there, and becoming a message' : 'all there: press Send';
  if (!sending.isResumable && !sending.isSaid) return 'press Send';
  if (!sending.isOnline) return 'waits for the line';
  if (!sending.isServed) return 'waits for the server';
  if (sending.isWaiting) return 'waits for its turn';
  const speed = sending.speed.value;
  return speed < 1 ? '' : `${size(speed)}/s, ${duration((file.size - offset) / speed)}`;
}

/** What is being sent from elsewhere, by the server's own events. */
export function ofOthers(upload, isOwn) {
  const element = empty('others', isOwn);
  element.dataset.upload = upload.upload_id;
  part(element, 'progress').hidden = false;
  return element;
}

export function showOthers(element, upload, isPaused, name) {
  const percent = upload.percent ?? 0;
  const bar = part(element, 'progress');
  bar.value = percent;
  bar.ariaLabel = upload.file_name;
  element.classList.toggle('paused', isPaused);
  const isOwn = element.classList.contains('own');
  const sent = `${isOwn ? 'Another window' : name} is sending ${upload.file_name}`;
  const waits = `${isOwn ? 'Another window' : name}’s ${upload.file_name} waits`;
  part(element, 'state').textContent = `${isPaused ? waits : sent} … ${percent} %`;
}

/** What the server has a part of, and this browser no file. `acts` are `choose(file)` and `cancel()`. */
export function ofFound(upload, { choose, cancel }) {
  const element = empty('found', true);
  part(element, 'who').textContent = upload.file_name;
  part(element, 'state').textContent =
    `${size(upload.offset)} of ${size(upload.length)} came here before, from elsewhere. Choose the file again to go on.`;
  const file = make('input', { type: 'file', hidden: true });
  file.addEventListener('change', () => {
    const problem = choose(file.files[0]);
    if (problem) part(element, 'state').textContent = problem;
    file.value = '';
  });
  part(element, 'acts').append(file, button('Choose it', () => file.click()), button('Cancel', cancel));
  return element;
}
