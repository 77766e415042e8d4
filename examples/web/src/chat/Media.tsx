// What a message shows. The elements load by themselves, by the signed link, and ask for ranges as they need them.

import { type SyntheticEvent, useRef } from 'react';
import type { Client } from '../api/client';
import { at } from '../api/server';
import type { Message } from '../api/types';
import { size } from './words';
import { useMediaLink } from './useMediaLink';

export function Media({ client, message }: { client: Client; message: Message }) {
  const { path, key, renew, onError } = useMediaLink(client, message);
  const playedUpTo = useRef(0);
  if (!path) return <p className="file">{[message.content, message.file_name].filter(Boolean).join(' · ')}</p>;
  const src = at(path);
  const label = message.content ?? message.file_name;
  const player = {
    src,
    controls: true,
    preload: 'metadata',
    'aria-label': label,
    onTimeUpdate: ({ currentTarget }: SyntheticEvent<HTMLMediaElement>) => (playedUpTo.current = currentTarget.currentTime),
    onLoadedMetadata: ({ currentTarget }: SyntheticEvent<HTMLMediaElement>) => (currentTarget.currentTime = playedUpTo.current),
    onError,
  } as const;
  return (
    <>
      {message.type === 'image' && <img key={key} src={src} alt={label} loading="lazy" onError={onError} />}
      {message.type === 'video' && <video key={key} playsInline {...player} />}
      {message.mime_type.startsWith('audio/') && <audio key={key} {...player} />}
      {message.content && <p className="words">{message.content}</p>}
      <p className="file">
        <a
          href={src}
          download={message.file_name}
          onClick={(event) => {
            if (Date.parse(message.media_link_expires_at ?? '') > Date.now()) return;
            event.preventDefault();
            void renew().then((fresh) => fresh && location.assign(at(fresh)));
          }}
        >
          {message.file_name}
        </a>{' '}
        <small>{size(message.file_size)}</small>
      </p>
    </>
  );
}
