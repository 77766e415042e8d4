// What one person knows of a conversation. Pure: each change makes a new one.

import type { LiveUpload, Message } from '../api/types';

export interface Talk {
  isOnline: boolean;
  /** In their order, which is that of their ids; each once, however often it was told. */
  messages: Message[];
  /** Uploads that are under way, by their id. */
  live: Map<string, LiveUpload & { isPaused: boolean }>;
}

export type Change =
  | { now: 'online' | 'offline' }
  | { messages: Message[] }
  | { upload: LiveUpload; isPaused: boolean }
  | { over: LiveUpload };

export const NOTHING: Talk = { isOnline: false, messages: [], live: new Map() };

export function changed(talk: Talk, change: Change): Talk {
  if ('messages' in change) return { ...talk, messages: merged(talk.messages, change.messages) };
  const live = new Map(talk.live);
  if ('upload' in change) live.set(change.upload.upload_id, { ...change.upload, isPaused: change.isPaused });
  else if ('over' in change) live.delete(change.over.upload_id);
  // A connection that begins is told of everything that runs.
  else return { ...talk, isOnline: change.now === 'online', live: change.now === 'online' ? new Map() : live };
  return { ...talk, live };
}

function merged(known: Message[], told: Message[]): Message[] {
  const byId = new Map([...known, ...told].map((message) => [message._id, message]));
  return [...byId.values()].sort((a, b) => (a._id < b._id ? -1 : 1));
}
