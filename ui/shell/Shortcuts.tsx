import { Kbd, Modal, Switch } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef, type ReactNode } from 'react';
import { remembered } from '../parts/remembered.ts';
import { PLACES } from './places.ts';

/** Keys without Ctrl or Alt can be in the way of speech input: they can be switched off. */
const shortcuts = remembered('wicketgate-shortcuts', ['on', 'off'], 'on');
const typing = (target: EventTarget | null): boolean => target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName));
/** How long a key after `g` is waited for. */
const CHORD = 1500;

/** Moves the focus to the next or previous row of a list. */
function step(by: 1 | -1): void {
  const links = [...document.querySelectorAll<HTMLElement>('.row-link')];
  const at = links.indexOf(document.activeElement as HTMLElement);
  const next = at === -1 ? (by === 1 ? links[0] : links.at(-1)) : links[at + by];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}

export function Shortcuts({ open, onOpen }: { readonly open: boolean; readonly onOpen: (open: boolean) => void }): ReactNode {
  const state = shortcuts.use();
  const navigate = useNavigate();
  const chord = useRef(0);
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (state === 'off' || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target) || document.querySelector('[role=dialog]') !== null) return;
      if (chord.current > event.timeStamp - CHORD && chord.current > 0) {
        chord.current = 0;
        const place = PLACES.find(({ key }) => key === event.key);
        if (place) {
          event.preventDefault();
          void navigate({ to: place.to });
        }
        return;
      }
      if (event.key === 'g') chord.current = event.timeStamp;
      else if (event.key === '?') onOpen(true);
      else if (event.key === 'j') step(1);
      else if (event.key === 'k') step(-1);
      else if (event.key === '/') {
        const filter = document.querySelector<HTMLElement>('[data-filter]');
        if (filter) {
          event.preventDefault();
          filter.focus();
        }
      }
    };
    document.addEventListener('keydown', pressed);
    return () => document.removeEventListener('keydown', pressed);
  }, [state, navigate, onOpen]);
  return (
    <Modal opened={open} onClose={() => onOpen(false)} title="Keyboard" lockScroll={false} closeButtonProps={{ 'aria-label': 'Close' }}>
      <div className="stack">
        <Switch checked={state === 'on'} onChange={(event) => shortcuts.set(event.currentTarget.checked ? 'on' : 'off')} label="Single keys are shortcuts" />
        <table className="keys">
          <tbody>
            {PLACES.map(({ key, name }) => <tr key={key}><th scope="row">{name}</th><td><Kbd>g</Kbd> <Kbd>{key}</Kbd></td></tr>)}
            <tr><th scope="row">Filter or search</th><td><Kbd>/</Kbd></td></tr>
            <tr><th scope="row">Next, previous row</th><td><Kbd>j</Kbd> <Kbd>k</Kbd></td></tr>
            <tr><th scope="row">This help</th><td><Kbd>?</Kbd></td></tr>
          </tbody>
        </table>
      </div>
    </Modal>
  );
}
