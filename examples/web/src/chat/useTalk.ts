// A conversation, kept up to date: events as they come, and after every silence what was missed.

import { useCallback, useEffect, useReducer } from 'react';
import type { Client } from '../api/client';
import { connect } from '../socket';
import { CatchUp } from './catch-up';
import { NOTHING, changed } from './talk';

export function useTalk(client: Client, conversation: string) {
  const [talk, change] = useReducer(changed, NOTHING);

  useEffect(() => {
    const catchUp = new CatchUp(
      (after) => (after ? client.after(conversation, after) : client.newest(conversation)),
      (messages) => change({ messages }),
    );
    const socket = connect(client.session, () => catchUp.known);
    socket.on('connect', () => {
      change({ now: 'online' });
      catchUp.begin();
    });
    socket.on('disconnect', () => {
      change({ now: 'offline' });
      catchUp.end();
    });
    socket.on('caught_up', (state) => catchUp.sent(state));
    // A user's socket hears all of the user's conversations.
    socket.on('new_message', (message) => message.conversation_id === conversation && catchUp.heard([message]));
    socket.on('upload_started', (upload) => change({ upload, isPaused: false }));
    socket.on('upload_progress', (upload) => change({ upload, isPaused: false }));
    socket.on('upload_paused', (upload) => change({ upload, isPaused: true }));
    socket.on('upload_finished', (over) => change({ over }));
    socket.on('upload_cancelled', (over) => change({ over }));
    return () => {
      catchUp.end();
      socket.disconnect();
    };
  }, [client, conversation]);

  /** Reads a message that was made here, whose event may be a while behind. */
  const read = useCallback(
    async (id: string) => {
      const message = await client.message(id).catch(() => null);
      if (message) change({ messages: [message] });
    },
    [client],
  );
  return { talk, read };
}
