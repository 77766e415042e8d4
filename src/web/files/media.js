// What a message has, shown by its signed link. A link expires; a page that was open for longer asks for another.

import { size } from './words.js';

/** The media of a message, to be seen or heard where it can be. */
export function mediaOf(message, to) {
  const link = new Link(message, to.talk);
  const label = message.content || message.file_name;
  if (!message.media_link) return [];
  if (message.type === 'image') return [kept(make('img', { alt: label, loading: 'lazy' }), link)];
  const player = { controls: true, preload: 'metadata', ariaLabel: label };
  if (message.type === 'video') return [onTheLine(kept(make('video', { ...player, playsInline: true }), link), to.network)];
  if (message.mime_type.startsWith('audio/')) return [onTheLine(kept(make('audio', player), link), to.network)];
  return [];
}

/** Its name, to be saved by, its size, and its SHA-256. */
export function fileLineOf(message, to) {
  const name = message.media_link ? saving(message, new Link(message, to.talk)) : make('span', {});
  name.textContent = message.file_name;
  const line = [name, make('span', { className: 'size', textContent: size(message.file_size) })];
  if (!message.sha256) return line;
  const digest = make('details', { className: 'digest' });
  digest.append(make('summary', { textContent: 'SHA-256' }), make('code', { textContent: message.sha256 }));
  return [...line, digest];
}

class Link {
  constructor(message, talk) {
    this.message = message;
    this.talk = talk;
    this.url = message.media_link;
    this.expires = Date.parse(message.media_link_expires_at);
  }

  get isOld() {
    return Date.now() >= this.expires;
  }

  async renew() {
    const { url, expires_at: expires } = await this.talk.renew(this.message);
    this.url = url;
    this.expires = Date.parse(expires);
  }
}

/** Goes on where it was if its link expired meanwhile. */
function kept(element, link) {
  element.addEventListener('error', async () => {
    if (!link.isOld) return;
    const at = element.currentTime;
    await link.renew().catch(() => {});
    if (link.isOld) return;
    element.src = link.url;
    if (at) element.currentTime = at;
  });
  element.src = link.url;
  return element;
}

/** Nothing plays in a tunnel. */
function onTheLine(player, network) {
  const look = () => network.isUp || player.pause();
  network.addEventListener('change', look);
  player.addEventListener('play', look);
  return player;
}

function saving(message, link) {
  const anchor = make('a', { href: link.url, download: message.file_name });
  anchor.addEventListener('click', async (event) => {
    if (!link.isOld) return;
    event.preventDefault();
    await link.renew();
    anchor.href = link.url;
    anchor.click();
  });
  return anchor;
}

export function make(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}
