// One conversation, as one person has it in front of them.

import { useRef } from 'react';
import type { Client } from '../api/client';
import type { Person } from '../api/session';
import type { LiveUpload } from '../api/types';
import { useUploads } from '../upload/useUploads';
import { Composer } from './Composer';
import { LiveRow } from './LiveRow';
import { Media } from './Media';
import { SendingBubble } from './SendingBubble';
import { useTalk } from './useTalk';
import { clock } from './words';

interface Props {
  client: Client;
  conversation: string;
  people: Person[];
}

export function Chat({ client, conversation, people }: Props) {
  const { me } = client.session;
  const { talk, read } = useTalk(client, conversation);
  const { sendings, outbox } = useUploads(client, conversation, talk.isOnline, read);
  const nameOf = (id: string) => people.find((person) => person.id === id)?.name ?? id;

  // What became a message, or is sent from here, is shown once.
  const made = new Set(talk.messages.flatMap((message) => [message.client_message_id, message.upload_id]));
  const under = sendings.filter(({ clientMessageId }) => !made.has(clientMessageId));
  const isFromHere = ({ own, upload_id, file_name }: LiveUpload) =>
    own && sendings.some(({ url, file }) => (url ? url.endsWith(upload_id) : file.name === file_name));
  const live = [...talk.live.values()].filter((upload) => !made.has(upload.upload_id) && !isFromHere(upload));

  const isEmpty = talk.messages.length + under.length + live.length === 0;

  const frame = useRef<HTMLDivElement>(null);
  const send = (file: File, caption: string) => {
    outbox.send(file, caption);
    // The frame is reversed: there its end is.
    frame.current?.scrollTo({ top: 0 });
  };

  const others = people.filter(({ id }) => id !== me.id).map(({ name }) => name);
  return (
    <main className="chat">
      <header>
        <span className="face" aria-hidden="true">
          {others[0]?.[0]}
        </span>
        <h1>{others.join(', ')}</h1>
        <p className="state" role="status">
          {talk.isOnline ? `You are ${me.name}` : 'Connecting …'}
        </p>
      </header>
      <div ref={frame} className="talk" tabIndex={0} role="region" aria-label="Conversation">
        {isEmpty && <p className="hint">Choose, drop or paste a film, a picture or any file.</p>}
        <div>
          <div role="log" aria-label="Messages">
            <ol>
              {talk.messages.map((message) => (
                <li key={message._id} className={message.sender === me.id ? 'bubble own message' : 'bubble message'}>
                  <p className="who">
                    {message.sender === me.id ? 'You' : nameOf(message.sender)}, <time dateTime={message.created_at}>{clock(message.created_at)}</time>
                  </p>
                  <Media client={client} message={message} />
                </li>
              ))}
            </ol>
          </div>
          <ul aria-label="On their way">
            {live.map((upload) => (
              <LiveRow key={upload.upload_id} upload={upload} who={nameOf(upload.sender)} client={client} outbox={outbox} />
            ))}
            {under.map((sending) => (
              <SendingBubble key={sending.id} sending={sending} outbox={outbox} isOnline={talk.isOnline} />
            ))}
          </ul>
        </div>
      </div>
      <Composer onSend={send} />
    </main>
  );
}
