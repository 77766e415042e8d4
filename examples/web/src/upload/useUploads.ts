// The outbox, for components.

import { useEffect, useMemo, useSyncExternalStore } from 'react';
import type { Client } from '../api/client';
import { Outbox, type Sending } from './outbox';

/** `onMessage` shows the message that an upload from here became. It has to stay the same function. */
export function useUploads(client: Client, conversation: string, isOnline: boolean, onMessage: (id: string) => Promise<void>) {
  const outbox = useMemo(() => new Outbox(client, conversation, onMessage), [client, conversation, onMessage]);
  const sendings: readonly Sending[] = useSyncExternalStore(outbox.subscribe, outbox.snapshot);
  useEffect(() => {
    void outbox.open();
    return () => outbox.close();
  }, [outbox]);
  useEffect(() => {
    if (!isOnline) return;
    outbox.wake();
    // A server that is reached and has no room now says nothing when it has.
    const timer = setInterval(() => outbox.wake(), 15_000);
    return () => clearInterval(timer);
  }, [outbox, isOnline]);
  return { sendings, outbox };
}
