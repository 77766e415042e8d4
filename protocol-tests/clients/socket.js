// socket.io-client: tells every event, and emits what it is ordered to, line by line, on its
// standard input. The end of the input is the end of the client.

import fs from 'node:fs';
import readline from 'node:readline';
import { io } from 'socket.io-client';
import { config, tell } from './events.js';

const { url, ...options } = config;
const socket = io(url, { reconnectionDelay: 20, reconnectionDelayMax: 100, ...options });
socket.on('connect', () => tell('connect', { id: socket.id }));
socket.on('connect_error', (error) => tell('connect_error', { message: error.message }));
socket.on('disconnect', (reason) => tell('disconnect', { reason }));
socket.onAny((event, data) => tell(event, data));

// A file's bytes are read here, because an order is one line.
function payload({ data, file, dataUrlOf }) {
  if (!file) return data;
  const base64 = fs.readFileSync(file).toString('base64');
  return { ...data, file_data: dataUrlOf ? `data:${dataUrlOf};base64,${base64}` : base64 };
}

function obey(order) {
  const data = payload(order);
  if (order.ack) socket.emit(order.emit, data, (answer) => tell('ack', { of: order.ack, answer }));
  else socket.emit(order.emit, data);
}

const orders = readline.createInterface({ input: process.stdin });
orders.on('line', (line) => obey(JSON.parse(line)));
orders.on('close', () => socket.close());
