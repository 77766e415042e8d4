// One person's phone: the talk above, the composer below.

import { ofMessage, ofOthers, ofSending, showOthers } from './bubble.js';
import { Sending } from './sending.js';

const LEGACY_LIMIT_BYTES = 5 * 1024 * 1024;
const template = document.getElementById('device-template');

/** Events: `sending` (`detail` is a new one of this person). */
export class Device extends EventTarget {
  #element;
  #to;
  #person;
  #nameOf;
  #drafts = new Set();
  #others = new Map();

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
    this.#find('.invite').textContent = invitation;
    this.#listen();
  }

  /** Goes on with what this browser kept. */
  resume(record) {
    const sending = new Sending(this.#to, record);
    this.#show(sending);
    if (!record.isPaused) sending.go();
  }

  /** Sends files as if they had just been chosen. */
  take(files) {
    for (const file of files) this.#begin(file);
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
    this.#find('.composer').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#say();
    });
    this.#element.addEventListener('paste', (event) => this.take(event.clipboardData.files));
    this.#listenToDrops();
  }

  #listenToDrops() {
    const over = (isOver) => (event) => {
      event.preventDefault();
      this.#element.classList.toggle('is-over', isOver);
    };
    this.#element.addEventListener('dragover', over(true));
    this.#element.addEventListener('dragleave', over(false));
    this.#element.addEventListener('drop', (event) => {
      over(false)(event);
      this.take(event.dataTransfer.files);
    });
  }

  #begin(file) {
    const way = this.#find('.way').value;
    const sending = Sending.of(this.#to, this.#person.id, file, way);
    this.#show(sending);
    if (way === 'legacy' && file.size > LEGACY_LIMIT_BYTES) return sending.refuse('The old socket takes images up to 5 MB.');
    if (way === 'tus') sending.go();
  }

  #show(sending) {
    this.dispatchEvent(new CustomEvent('sending', { detail: sending }));
    const bubble = ofSending(sending, {
      pause: () => sending.stop(),
      go: () => sending.go(),
      again: () => sending.go(),
      cancel: () => sending.cancel(),
    });
    if (!sending.isSaid) this.#drafts.add(sending);
    const settle = () => {
      const isGone = sending.state === 'made' || sending.state === 'cancelled';
      if (isGone || sending.isSaid) this.#drafts.delete(sending);
      if (isGone) bubble.remove();
      else this.#place(bubble, sending.isSaid);
      this.#find('.tray').hidden = this.#drafts.size === 0;
    };
    sending.addEventListener('change', settle);
    settle();
    if (!sending.isSaid) this.#find('.caption').focus();
  }

  #place(bubble, isSaid) {
    const place = this.#find(isSaid ? '.talk' : '.tray');
    if (bubble.parentElement === place) return;
    place.append(bubble);
    this.#scrollDown();
  }

  /** The caption goes with the first file. */
  #say() {
    const caption = this.#find('.caption');
    let text = caption.value.trim();
    if (this.#drafts.size === 0) return this.#find('.file').click();
    for (const sending of [...this.#drafts]) {
      sending.say(text);
      text = '';
    }
    caption.value = '';
  }

  #showMessage(message) {
    const talk = this.#find('.talk');
    const bubble = ofMessage(message, message.sender === this.#person.id, this.#nameOf);
    const later = [...talk.children].find((other) => !other.dataset.id || other.dataset.id > message._id);
    talk.insertBefore(bubble, later ?? null);
    this.#scrollDown();
  }

  #showOther({ upload, isPaused, isOver }) {
    if (upload.sender === this.#person.id) return;
    let bubble = this.#others.get(upload.upload_id);
    if (isOver) {
      bubble?.remove();
      this.#others.delete(upload.upload_id);
      return;
    }
    if (!bubble) {
      bubble = ofOthers(upload);
      this.#others.set(upload.upload_id, bubble);
      this.#find('.talk').append(bubble);
      this.#scrollDown();
    }
    showOthers(bubble, upload, isPaused, this.#nameOf);
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
