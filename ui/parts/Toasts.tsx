import { CloseButton } from '@mantine/core';
import { useSyncExternalStore, type ReactNode } from 'react';
import { Note, type Tone } from './Status.tsx';
import './toasts.css';

interface Toast {
  readonly id: number;
  readonly tone: Tone;
  readonly text: string;
}

/** Errors stay until they are closed; the rest goes by itself. */
const SHOWN = 5000;
const MOST = 4;

let toasts: readonly Toast[] = [];
let last = 0;
const watchers = new Set<() => void>();
function change(next: readonly Toast[]): void {
  toasts = next;
  for (const watcher of watchers) watcher();
}
const close = (id: number): void => change(toasts.filter((toast) => toast.id !== id));
function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** Tells what came of something that was done. */
export function tell(tone: Tone, text: string): void {
  last += 1;
  const id = last;
  change([...toasts.slice(-MOST + 1), { id, tone, text }]);
  if (tone !== 'bad') setTimeout(() => close(id), SHOWN);
}

export function Toasts(): ReactNode {
  const shown = useSyncExternalStore(watch, () => toasts);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map(({ id, tone, text }) => (
        <div key={id} className="toast">
          <Note tone={tone}>{text}</Note>
          <CloseButton size="sm" aria-label="Close this message" onClick={() => close(id)} />
        </div>
      ))}
    </div>
  );
}
