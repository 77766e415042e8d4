// A link to a message's file that is renewed when it turns out to be over.

import { useState } from 'react';
import type { Client } from '../api/client';
import type { Message } from '../api/types';

/** In a row; a file that cannot be shown would otherwise be asked for again and again. */
const MOST_RENEWALS = 2;

export function useMediaLink(client: Client, message: Message) {
  const [link, setLink] = useState({ path: message.media_link ?? null, renewals: 0 });

  async function renew(): Promise<string | null> {
    const fresh = await client.freshLink(message._id).catch(() => null);
    if (fresh) setLink(({ renewals }) => ({ path: fresh.url, renewals: renewals + 1 }));
    return fresh?.url ?? null;
  }
  return {
    path: link.path,
    /** Changes with each renewal: an element with another key loads again, even if the link is the same as before. */
    key: link.renewals,
    renew,
    onError: () => void (link.renewals < MOST_RENEWALS && renew()),
  };
}
