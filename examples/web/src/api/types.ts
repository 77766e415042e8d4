// What the server says, as it says it: over HTTP and in events alike.

export interface Message {
  _id: string;
  conversation_id: string;
  sender: string;
  content: string | null;
  type: 'image' | 'video' | 'file';
  created_at: string;
  file_name: string;
  file_size: number;
  mime_type: string;
  upload_id: string;
  client_message_id?: string | null;
  /** For elements that send no token; good until the time beside it. Not there where links are switched off. */
  media_link?: string | null;
  media_link_expires_at?: string | null;
}

/** A page of messages, newest first; with `after` it begins right behind that one. `next` says that there are more. */
export interface MessagePage {
  messages: Message[];
  next: string | null;
}

/** A fresh link to a message's file. */
export interface MediaLink {
  url: string;
  expires_at: string;
}

/** A file that a member is sending, as events tell it. `own` is true on the sender's own connections. */
export interface LiveUpload {
  upload_id: string;
  sender: string;
  own: boolean;
  file_name: string;
  offset: number;
  length: number | null;
  percent: number;
}

/** One of the caller's own unfinished uploads, from `GET /files`. */
export interface UnfinishedUpload {
  upload_id: string;
  offset: number;
  length: number | null;
  file_name: string;
  client_message_id: string | null;
}

/** Follows the messages that a connection had missed. Unless it is `complete`, the client reads on behind `after`. */
export interface CaughtUp {
  after: string | null;
  complete: boolean;
}

/** What the socket hears. */
export interface ServerEvents {
  new_message: (message: Message) => void;
  caught_up: (state: CaughtUp) => void;
  upload_started: (upload: LiveUpload) => void;
  upload_progress: (upload: LiveUpload) => void;
  upload_paused: (upload: LiveUpload) => void;
  upload_finished: (upload: LiveUpload) => void;
  upload_cancelled: (upload: LiveUpload) => void;
}
