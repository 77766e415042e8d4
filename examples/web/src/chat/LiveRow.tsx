// A file that is on its way from elsewhere: from another member, or from another device of the same person.

import { useState } from 'react';
import type { Client } from '../api/client';
import { Problem, wordsFor } from '../api/problem';
import { at } from '../api/server';
import type { LiveUpload } from '../api/types';
import type { Outbox } from '../upload/outbox';

interface Row {
  upload: LiveUpload & { isPaused: boolean };
  who: string;
  client: Client;
  outbox: Outbox;
}

export function LiveRow({ upload, who, client, outbox }: Row) {
  const { upload_id: id, file_name: name, own, isPaused } = upload;
  const [problem, setProblem] = useState<string | null>(null);
  const tell = (error: unknown) => setProblem(error instanceof Problem ? wordsFor(error) : String((error as Error).message));
  const [are, were, where] = own ? ['You are', 'You were', ' elsewhere'] : [`${who} is`, `${who} was`, ''];
  return (
    <li className={own ? 'bubble own live' : 'bubble live'}>
      <p className="note">
        {isPaused ? `${were} cut off sending ${name}${where} … ` : `${are} sending ${name}${where} … `}
        <span className="number">{upload.percent} %</span>
      </p>
      <progress aria-label={name} max={100} value={upload.percent} />
      {problem && <p className="note problem">{problem}</p>}
      {own && isPaused && (
        <p className="acts">
          <label className="button">
            Go on from here
            <input type="file" className="unseen" onChange={({ target: { files } }) => files?.[0] && void outbox.goOn(id, files[0]).catch(tell)} />
          </label>
          <button onClick={() => void client.discard(at(`files/${id}`)).catch(tell)}>Discard</button>
        </p>
      )}
    </li>
  );
}
