// socket.io-client: reports every event, and emits events by orders, line by line, on its standard
// input. The end of the input ends the client.

import fs from 'node:fs';
import readline from 'node:readline';
import { io } from 'socket.io-client';
import { config, tell } from './events.js';

const { url, follows, ...options } = config;
// The last message up to which the client was told of all. A client that catches up names it whenever it connects.
let last = follows?.after;
// Whether messages before the next one may be missing: the server could not tell all of them.
let lacks = false;
// A client that follows from its first connection on asks for them again, so soon.
const insists = follows && !follows.after;
const AGAIN_MS = 50;
if (follows) options.auth = (use) => use({ token: follows.token, after: last });
// The tokens of the connections in turn; the last one is used again and again.
let tokens = [];
if (!options.auth) options.auth = (use) => use({ token: tokens.length > 1 ? tokens.shift() : tokens[0] });
const socket = io(url, { reconnectionDelay: 20, reconnectionDelayMax: 100, ...options });
socket.on('connect', () => {
  lacks = false;
  tell('connect', { id: socket.id });
});
socket.on('connect_error', (error) => tell('connect_error', { message: error.message, data: error.data }));
socket.on('disconnect', (reason) => tell('disconnect', { reason }));
socket.onAny((event, data) => {
  if (event === 'new_message' && !lacks) last = data._id;
  tell(event, data);
  if (insists && event === 'caught_up') {
    lacks = !data.complete;
    if (lacks) setTimeout(() => socket.disconnect().connect(), AGAIN_MS);
  }
});

// A file's bytes are read here, because an order is one line.
function payload({ data, file, dataUrlOf, halve }) {
  // Half of a character is made here, because a line of JSON cannot carry it.
  if (halve) return { ...data, [halve]: data[halve].slice(0, 1) };
  if (!file) return data;
  const base64 = fs.readFileSync(file).toString('base64');
  return { ...data, file_data: dataUrlOf ? `data:${dataUrlOf};base64,${base64}` : base64 };
}

function obey(order) {
  if (order.tokens) {
    tokens = order.tokens;
    socket.connect();
    return;
  }
  if (order.drop) {
    socket.io.engine.close();
    return;
  }
  const data = payload(order);
  if (order.ack) socket.emit(order.emit, data, (answer) => tell('ack', { of: order.ack, answer }));
  else socket.emit(order.emit, data);
}

tell('ready');
const orders = readline.createInterface({ input: process.stdin });
orders.on('line', (line) => obey(JSON.parse(line)));
orders.on('close', () => socket.close());
