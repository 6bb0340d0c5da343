import { IconAlertTriangle, IconBan, IconCheck, IconCircleDashed, IconClock, IconInfoCircle, type Icon } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import './status.css';

/** What a state means for whoever looks. Never told by colour alone: each has its sign and its word. */
export type Tone = 'ok' | 'wait' | 'bad' | 'info' | 'off';

const SIGNS: Readonly<Record<Tone, Icon>> = { ok: IconCheck, wait: IconClock, bad: IconBan, info: IconInfoCircle, off: IconCircleDashed };

export function Status({ tone, sign, children }: { readonly tone: Tone; readonly sign?: Icon; readonly children: ReactNode }): ReactNode {
  const Sign = sign ?? SIGNS[tone];
  return (
    <span className={`status status-${tone}`}>
      <Sign size={13} stroke={2.2} aria-hidden />
      <span>{children}</span>
    </span>
  );
}

/** A message that stays: what is the case, and what to do. */
export function Note({ tone, title, children }: { readonly tone: Tone; readonly title?: string; readonly children?: ReactNode }): ReactNode {
  const Sign = tone === 'bad' ? IconAlertTriangle : SIGNS[tone];
  return (
    <div className={`note note-${tone}`} role={tone === 'bad' ? 'alert' : 'note'}>
      <Sign size={18} stroke={1.8} aria-hidden className="note-sign" />
      <div className="stack-s">
        {title !== undefined && <strong>{title}</strong>}
        {children !== undefined && <div className="anywhere">{children}</div>}
      </div>
    </div>
  );
}

/** A name in a small frame: a group, a class, a mask. */
function Tag({ children }: { readonly children: ReactNode }): ReactNode {
  return <span className="tag">{children}</span>;
}

export function Tags({ of, none = '–' }: { readonly of: readonly string[]; readonly none?: string }): ReactNode {
  if (of.length === 0) return <span className="muted">{none}</span>;
  return <span className="tags">{of.map((name) => <Tag key={name}>{name}</Tag>)}</span>;
}
