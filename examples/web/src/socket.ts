// The socket: typed events, a fresh token at each connect, and what was missed meanwhile.

import { type Socket, io } from 'socket.io-client';
import { at } from './api/server';
import type { Session } from './api/session';
import type { ServerEvents } from './api/types';

/** Nothing is sent over it: files go by tus. */
export type ChatSocket = Socket<ServerEvents, Record<string, never>>;

const AGAIN_MS = 3000;

/** `lastKnown` is the newest message that is known, behind which the server begins to send. */
export function connect(session: Session, lastKnown: () => string | null): ChatSocket {
  const { origin, pathname } = new URL(at('socket.io'));
  const socket: ChatSocket = io(origin, {
    path: pathname,
    transports: ['websocket', 'polling'],
    // Asked at each connect. When its token expires the server closes a connection, and this one comes back with another.
    auth: (show) => void session.token().then((token) => show({ token, after: lastKnown() }), () => show({})),
  });
  // The library comes back by itself from a lost connection, not from a refusal.
  const again = () => {
    if (socket.active) return;
    session.forgetToken();
    setTimeout(() => socket.connect(), AGAIN_MS);
  };
  socket.on('connect_error', again);
  socket.on('disconnect', (reason) => reason === 'io server disconnect' && again());
  return socket;
}
