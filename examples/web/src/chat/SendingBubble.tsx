// A file that is being sent from here.

import { useEffect, useState } from 'react';
import type { Outbox, Sending } from '../upload/outbox';
import { percent, size } from './words';

export function SendingBubble({ sending, outbox, isOnline }: { sending: Sending; outbox: Outbox; isOnline: boolean }) {
  const { id, file, caption, state, sent } = sending;
  const isGoing = state === 'going' || state === 'waiting';
  return (
    <li className="bubble own sending" data-state={state}>
      <Preview file={file} />
      {caption && <p>{caption}</p>}
      <p className="file">
        {file.name} <small>{size(file.size)}</small>
      </p>
      <progress aria-label={`${file.name} is being sent`} max={100} value={percent(sent, file.size)} />
      <p className={state === 'failed' ? 'note problem' : 'note'}>{wordsOf(sending, isOnline)}</p>
      <p className="acts">
        {isGoing && <button onClick={() => outbox.pause(id)}>Pause</button>}
        {state === 'paused' && <button onClick={() => outbox.resume(id)}>Go on</button>}
        {state === 'failed' && <button onClick={() => outbox.resume(id)}>Try again</button>}
        <button onClick={() => void outbox.cancel(id)}>Cancel</button>
      </p>
    </li>
  );
}

function wordsOf({ file, state, sent, problem }: Sending, isOnline: boolean): string {
  const done = `${size(sent)}, ${percent(sent, file.size)} %`;
  if (state === 'failed') return problem ?? '';
  if (state === 'paused') return `${done}, paused`;
  if (!isOnline) return `${done}, waits for a connection`;
  if (state === 'waiting') return `${done}. ${problem ?? ''} It goes on by itself.`;
  return done;
}

function Preview({ file }: { file: File }) {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (!file.type.startsWith('image/')) return;
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return url && <img src={url} alt="" />;
}
