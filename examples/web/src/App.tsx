// Who is there, and as whom one talks. A product has a sign-in here.

import { useEffect, useMemo, useState } from 'react';
import { Client } from './api/client';
import { type Demo, Session, readDemo } from './api/session';
import { Chat } from './chat/Chat';

const AGAIN_MS = 2000;

export function App() {
  const demo = useDemo();
  const name = new URLSearchParams(location.search).get('me');
  const me = demo.people?.find((person) => person.name === name);
  const client = useMemo(() => me && new Client(new Session(me)), [me]);
  if (demo.people && client) return <Chat client={client} conversation={demo.conversation} people={demo.people} />;
  return (
    <main className="door">
      <h1>{demo.people ? 'Who are you?' : 'One moment'}</h1>
      <p role="status">{demo.problem}</p>
      <nav>
        {demo.people?.map((person) => (
          <a key={person.id} href={addressOf(person.name)}>
            <span className="face" aria-hidden="true">
              {person.name[0]}
            </span>
            {person.name}
          </a>
        ))}
      </nav>
    </main>
  );
}

/** The same page for one of the people; the rest of its address stays. */
function addressOf(name: string): string {
  const query = new URLSearchParams(location.search);
  query.set('me', name);
  return `?${query}`;
}

/** The people of the demo, as soon as the server can be reached. */
function useDemo(): Partial<Demo> & { conversation: string; problem: string | null } {
  const [demo, setDemo] = useState<Demo | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const read = () =>
      void readDemo().then(setDemo, (error: Error) => {
        setProblem(error.message);
        timer = setTimeout(read, AGAIN_MS);
      });
    read();
    return () => clearTimeout(timer);
  }, []);
  return { ...demo, conversation: demo?.conversation ?? '', problem };
}
