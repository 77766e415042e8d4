// One person's phone: the talk above, the composer below.

import { ofFound, ofMessage, ofOthers, ofSending, showOthers } from './bubble.js';
import { Sending, recordOf } from './sending.js';
import { tell } from './told.js';
import { own } from './windows.js';
import { size } from './words.js';

const LEGACY_LIMIT_BYTES = 5_000_000;
const template = document.getElementById('device-template');

/** Events: `sending` (`detail` is a new one of this person), `news` (something came). */
export class Device extends EventTarget {
  #element;
  #to;
  #person;
  #nameOf;
  #sendings = new Set();
  #others = new Map();
  #found = new Map();

  /** @param {object} to `{network, live, talk, api, token, conversation}` */
  constructor(element, person, to, nameOf, invitation) {
    super();
    this.#element = element;
    this.#person = person;
    this.#to = to;
    this.#nameOf = nameOf;
    element.append(template.content.cloneNode(true));
    this.#find('.device-name').textContent = person.name;
    this.#find('.device-name').id = `${element.id}-name`;
    this.#find('.face').textContent = person.name[0];
    this.#find('.talk').ariaLabel = `Messages on ${person.name}’s phone`;
    this.#find('.invite').textContent = invitation;
    this.#listen();
  }

  get to() {
    return this.#to;
  }

  /** Whether bytes are leaving. */
  get flows() {
    return [...this.#sendings].some((sending) => sending.flows);
  }

  /** Goes on with what this browser kept. */
  resume(record, file) {
    const sending = this.#show(new Sending(this.#to, record, file));
    if (!record.isPaused) sending.go();
    return sending;
  }

  /** Asks for the file of an upload that this browser knows nothing of. */
  find(upload, cancel) {
    const forget = () => {
      this.#found.delete(upload.upload_id);
      bubble.remove();
      this.#showTray();
    };
    const choose = (file) => {
      if (file.name !== upload.file_name || file.size !== upload.length) {
        return `That is another file: ${file.name}, ${size(file.size)}. It has to be ${upload.file_name}, ${size(upload.length)}.`;
      }
      forget();
      const isBound = upload.conversation_id !== null;
      const url = new URL(`files/${upload.upload_id}`, this.#to.api).pathname;
      this.#begin(recordOf(this.#person.id, file, { url, isBound, isSaid: isBound, sentUpTo: upload.offset }), file);
    };
    const bubble = ofFound(upload, { choose, cancel: () => (forget(), cancel()) });
    this.#found.set(upload.upload_id, bubble);
    this.#over(upload.upload_id);
    this.#find('.tray').append(bubble);
    this.#showTray();
  }

  /** Sends files that were chosen, dropped or pasted. */
  take(files) {
    const way = this.#find('.way').value;
    for (const file of files) this.#begin(recordOf(this.#person.id, file, { way }), file);
    if (files.length > 0) this.#find('.caption').focus();
  }

  #listen() {
    const { talk, live, network } = this.#to;
    talk.addEventListener('message', ({ detail }) => this.#showMessage(detail));
    talk.addEventListener('sending', ({ detail }) => this.#showOther(detail));
    for (const event of ['up', 'down']) live.addEventListener(event, () => this.#showState());
    network.addEventListener('change', () => this.#showState());
    const file = this.#find('.file');
    file.addEventListener('change', () => {
      this.take(file.files);
      file.value = '';
    });
    this.#find('.invite').addEventListener('click', () => file.click());
    this.#keepCaption();
    this.#find('.composer').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#say();
    });
  }

  /** What is being written outlives the page like everything else. */
  #keepCaption() {
    const caption = this.#find('.caption');
    const key = `caption of ${this.#person.id}`;
    caption.value = localStorage.getItem(key) ?? '';
    for (const event of ['input', 'change']) caption.addEventListener(event, () => localStorage.setItem(key, caption.value));
  }

  async #begin(record, file) {
    const sending = this.#show(new Sending(this.#to, record, file));
    own(sending);
    if (record.way === 'legacy' && file.size > LEGACY_LIMIT_BYTES) {
      return sending.refuse(`The old socket is for small images, up to ${size(LEGACY_LIMIT_BYTES)}: it takes a file in one piece.`);
    }
    // A folder looks like a file until it is read.
    const isReadable = await file.slice(0, 1).arrayBuffer().then(() => true, () => false);
    if (!isReadable) return sending.refuse('The browser cannot read this: it is a folder, or it is gone.');
    tell(`${this.#person.name} sends ${sending.name}, ${size(file.size)}`);
    await sending.begin();
  }

  #show(sending) {
    this.#sendings.add(sending);
    this.#over(sending.uploadId);
    this.dispatchEvent(new CustomEvent('sending', { detail: sending }));
    const bubble = ofSending(sending);
    const settle = () => {
      if (!sending.isOver) return this.#place(bubble, sending.isSaid);
      if (bubble.contains(document.activeElement)) this.#find('.caption').focus();
      bubble.remove();
      this.#showTray();
    };
    sending.addEventListener('change', settle);
    settle();
    return sending;
  }

  #place(bubble, isSaid) {
    const place = this.#find(isSaid ? '.talk' : '.tray');
    if (bubble.parentElement === place) return;
    place.append(bubble);
    this.#showTray();
    this.#scrollDown();
  }

  #showTray() {
    const isEmpty = this.#find('.tray').children.length === 0;
    this.#find('.tray').hidden = isEmpty;
    this.#find('.composer').classList.toggle('waits', !isEmpty);
  }

  /** The caption goes with the first file. */
  #say() {
    const caption = this.#find('.caption');
    const drafts = [...this.#sendings].filter((sending) => !sending.isSaid && !sending.isOver);
    if (drafts.length === 0) return this.#find('.file').click();
    let text = caption.value.trim();
    for (const sending of drafts) {
      sending.say(text);
      text = '';
    }
    caption.value = '';
    caption.dispatchEvent(new Event('change'));
  }

  #showMessage({ message, isNew }) {
    const talk = this.#find('.talk');
    const isOwn = message.sender === this.#person.id;
    const bubble = ofMessage(message, isOwn, this.#nameOf, this.#to);
    const later = [...talk.children].find((other) => !other.dataset.id || other.dataset.id > message._id);
    talk.insertBefore(bubble, later ?? null);
    this.#scrollDown();
    if (!isNew || isOwn) return;
    tell(`${this.#person.name} has a message from ${this.#nameOf(message.sender)}: ${message.content || message.file_name}`);
    this.dispatchEvent(new Event('news'));
  }

  #showOther({ upload, isPaused, isOver }) {
    if (isOver) return this.#over(upload.upload_id);
    const isOwn = upload.sender === this.#person.id;
    if (this.#found.has(upload.upload_id) || [...this.#sendings].some(({ uploadId }) => uploadId === upload.upload_id)) return;
    let bubble = this.#others.get(upload.upload_id);
    if (!bubble) {
      bubble = ofOthers(upload, isOwn);
      this.#others.set(upload.upload_id, bubble);
      this.#find('.talk').append(bubble);
      this.#scrollDown();
      if (!isOwn) this.dispatchEvent(new Event('news'));
    }
    showOthers(bubble, upload, isPaused, this.#nameOf(upload.sender));
  }

  /** It is not sent from elsewhere, or not any more. */
  #over(uploadId) {
    this.#others.get(uploadId)?.remove();
    this.#others.delete(uploadId);
  }

  #showState() {
    const { network, live } = this.#to;
    const state = !network.isUp ? 'in a tunnel' : live.isUp ? 'online' : 'connecting';
    this.#element.dataset.state = live.isUp && network.isUp ? 'up' : 'down';
    this.#find('.device-state').textContent = state;
  }

  #scrollDown() {
    const talk = this.#find('.talk');
    talk.scrollTop = talk.scrollHeight;
  }

  #find(selector) {
    return this.#element.querySelector(selector);
  }
}
