import { ActionIcon, Button } from '@mantine/core';
import { IconCopy, IconEyeOff } from '@tabler/icons-react';
import { useMemo, useState, type ReactNode } from 'react';
import { cutAt, hiddenIn, piecesOf, visible } from './visible-text.ts';
import { tell } from './Toasts.tsx';
import './statement.css';

/** Characters that are shown of a long text at first, and with each step after. */
const FIRST = 2500;
const STEP = 20_000;

const size = (characters: number): string => (characters < 10_000 ? `${characters} characters` : `${Math.round(characters / 1000).toLocaleString('en')} thousand characters`);

/**
 * Text that somebody else chose, shown so that it cannot lie: always as text, what would not be seen written out, in the order in which it
 * is stored whatever its script, hidden values marked. Of an enormous one the beginning, then more in steps.
 */
export function Statement({ text, hidden, label }: { readonly text: string; /** How many values are hidden, when the gateway has counted. */ readonly hidden?: number; readonly label: string }): ReactNode {
  const [shown, setShown] = useState(FIRST);
  const cut = useMemo(() => cutAt(text, shown), [text, shown]);
  const pieces = useMemo(() => piecesOf(text.slice(0, cut)), [text, cut]);
  const values = useMemo(() => hidden ?? hiddenIn(text), [hidden, text]);
  const escapes = pieces.some(({ kind }) => kind === 'escape');
  const left = text.length - cut;
  return (
    <div className="statement">
      {/* Long texts scroll: whoever has no mouse must be able to. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre className="statement-text" tabIndex={0} role="group" aria-label={label} dir="ltr">
        {pieces.map((piece, at) => (piece.kind === 'text' ? piece.text : <Special key={at} kind={piece.kind} text={piece.text} />))}
        {left > 0 && <span className="muted">{'…'}</span>}
      </pre>
      <ActionIcon className="statement-copy" size="sm" variant="subtle" color="gray" onClick={() => copy(text)} aria-label={`Copy ${label}`} title="Copy"><IconCopy size={14} aria-hidden /></ActionIcon>
      {(values > 0 || escapes || left > 0 || cut > FIRST) && <div className="statement-foot">
        {values > 0 && (
          <span className="statement-hidden">
            <IconEyeOff size={14} aria-hidden /> {values === 1 ? '1 value is hidden' : `${values} values are hidden`}
          </span>
        )}
        {escapes && <span className="statement-escapes">characters that are not seen are written as <span className="escape">{'\\u{…}'}</span></span>}
        {left > 0 && <Button size="compact-xs" variant="default" onClick={() => setShown((before) => before + STEP)}>{left <= STEP ? 'Show the rest' : 'Show more'} ({size(left)} left)</Button>}
        {cut > FIRST && <Button size="compact-xs" variant="subtle" onClick={() => setShown(FIRST)}>Show less</Button>}
      </div>}
    </div>
  );
}

function Special({ kind, text }: { readonly kind: 'escape' | 'hidden'; readonly text: string }): ReactNode {
  return kind === 'escape' ? <span className="escape" title="not seen as it is">{text}</span> : <span className="hidden-value" title="a value that the gateway hides">{text}</span>;
}

/** The visible form goes to the clipboard: what is pasted into a terminal must not act there. */
function copy(text: string): void {
  navigator.clipboard.writeText(visible(text)).then(
    () => tell('ok', 'Copied'),
    () => tell('bad', 'The browser does not allow copying here'),
  );
}

/** Somebody else's text within a line: names, reasons. */
export function Words({ children }: { readonly children: string }): ReactNode {
  return <bdi className="words">{piecesOf(children).map((piece, at) => (piece.kind === 'text' ? piece.text : <Special key={at} kind={piece.kind} text={piece.text} />))}</bdi>;
}
