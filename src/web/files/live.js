// As much of Socket.IO as this page needs: one namespace, events with JSON, acknowledgements, over one WebSocket
// (engine.io protocol 4, socket.io protocol 5). It connects again whenever the line and the server let it.

import { LineDead, pause } from './network.js';

const AGAIN_MS = 500;

/** Events: `up`, `down`, `refused` (by the server), and every event of the server by its name, with its payload as `detail`. */
export class Live extends EventTarget {
  #network;
  #url;
  #auth;
  #socket = null;
  #asked = new Map();
  #next = 0;
  #isUp = false;

  /** `auth()` answers what the server is shown at each connect. */
  constructor(network, api, auth) {
    super();
    this.#network = network;
    this.#url = new URL('socket.io/?EIO=4&transport=websocket', api);
    this.#url.protocol = this.#url.protocol.replace('http', 'ws');
    this.#auth = auth;
    this.#stayConnected();
  }

  get isUp() {
    return this.#isUp;
  }

  /** Resolves when events can be sent. */
  async whenUp() {
    if (!this.#isUp) await new Promise((resolve) => this.addEventListener('up', resolve, { once: true }));
  }

  /** Sends an event and resolves with the server's acknowledgement. */
  ask(event, payload) {
    return new Promise((resolve, reject) => {
      if (!this.#isUp) return reject(new LineDead());
      const id = this.#next++;
      this.#asked.set(id, { resolve, reject });
      this.#socket.send(`42${id}${JSON.stringify([event, payload])}`);
    });
  }

  async #stayConnected() {
    for (;;) {
      await this.#network.whole();
      await this.#session();
      await pause(this.#network, AGAIN_MS);
    }
  }

  #session() {
    return new Promise((ended) => {
      this.#socket = this.#network.socket(this.#url);
      this.#socket.addEventListener('message', ({ data }) => this.#take(data));
      this.#socket.addEventListener('close', () => {
        this.#asked.forEach(({ reject }) => reject(new LineDead()));
        this.#asked.clear();
        if (this.#isUp) {
          this.#isUp = false;
          this.dispatchEvent(new Event('down'));
        }
        ended();
      });
    });
  }

  #take(packet) {
    if (packet[0] === '0') this.#socket.send(`40${JSON.stringify(this.#auth())}`);
    else if (packet[0] === '2') this.#socket.send('3');
    else if (packet.startsWith('40')) {
      this.#isUp = true;
      this.dispatchEvent(new Event('up'));
    } else if (packet.startsWith('44')) {
      this.dispatchEvent(new Event('refused'));
      this.#socket.close();
    } else if (packet.startsWith('42')) {
      const [event, payload] = JSON.parse(packet.slice(2));
      this.dispatchEvent(new CustomEvent(event, { detail: payload }));
    } else if (packet.startsWith('43')) this.#acknowledge(packet.slice(2));
  }

  #acknowledge(text) {
    const [, id, json] = /^(\d+)(.*)$/s.exec(text);
    this.#asked.get(Number(id))?.resolve(JSON.parse(json)[0]);
    this.#asked.delete(Number(id));
  }
}
