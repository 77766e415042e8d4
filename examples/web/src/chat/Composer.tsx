// Where a message is put together: files that were chosen, or dropped or pasted anywhere, and a caption.

import { type FormEvent, useEffect, useRef, useState } from 'react';
import { size } from './words';

export function Composer({ onSend }: { onSend: (file: File, caption: string) => void }) {
  const [files, setFiles] = useState<File[]>([]);
  const [caption, setCaption] = useState('');
  const chooser = useRef<HTMLInputElement>(null);
  const text = useRef<HTMLInputElement>(null);

  function add(chosen: FileList | null | undefined) {
    if (!chosen?.length) return;
    const added = [...chosen];
    setFiles((files) => [...files, ...added]);
    text.current?.focus();
  }

  useEffect(() => {
    const listening = new AbortController();
    const { signal } = listening;
    addEventListener('paste', ({ clipboardData }) => add(clipboardData?.files), { signal });
    addEventListener('dragover', (event) => event.preventDefault(), { signal });
    addEventListener(
      'drop',
      (event) => {
        event.preventDefault();
        add(event.dataTransfer?.files);
      },
      { signal },
    );
    return () => listening.abort();
  }, []);

  /** The caption goes with the first file. */
  function send(event: FormEvent) {
    event.preventDefault();
    if (files.length === 0) return chooser.current?.click();
    files.forEach((file, index) => onSend(file, index === 0 ? caption.trim() : ''));
    setFiles([]);
    setCaption('');
  }

  return (
    <form className="composer" onSubmit={send}>
      {files.length > 0 && (
        <ul className="chosen" aria-label="Chosen files">
          {files.map((file, index) => (
            <li key={`${index} ${file.name}`}>
              <span>{file.name}</span> <small>{size(file.size)}</small>
              <button type="button" aria-label={`Remove ${file.name}`} onClick={() => setFiles(files.filter((other) => other !== file))}>
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
      <label className="attach" title="Choose files">
        <span className="unseen">Choose files</span>
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M12 5v14M5 12h14" />
        </svg>
        <input ref={chooser} type="file" multiple className="unseen" onChange={(event) => {
          add(event.target.files);
          event.target.value = '';
        }} />
      </label>
      <input ref={text} className="caption" aria-label="Caption" placeholder="Add a caption" autoComplete="off" maxLength={1000} value={caption} onChange={(event) => setCaption(event.target.value)} />
      <button className="send">Send</button>
    </form>
  );
}
