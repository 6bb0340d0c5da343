import '../styles/mantine.ts';
import { Button, Loader } from '@mantine/core';
import { IconChevronLeft, IconInbox } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useEffect, useRef, type ReactNode } from 'react';
import { ApiProblem } from '../../src/control/client.ts';
import { Note } from './Status.tsx';
import './page.css';

/** The first page gets no focus, as nobody came from another. */
let isFirst = true;

/** Begin of a page: what it is, and what can be done with it. Names the browser's tab. */
export function Head({ title, name, back, about, children }: { readonly title: ReactNode; /** For the tab. */ readonly name: string; readonly back?: { readonly to: string; readonly label: string }; readonly about?: ReactNode; readonly children?: ReactNode }): ReactNode {
  useEffect(() => {
    document.title = `${name} · Wicketgate`;
  }, [name]);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // After going to another page the focus is at its title: a screen reader says where one is, and Tab goes on from there.
    if (!isFirst) heading.current?.focus({ preventScroll: true });
    isFirst = false;
  }, []);
  return (
    <div className="head">
      <div className="stack-s grow">
        {back && <Link to={back.to} className="head-back small"><IconChevronLeft size={14} aria-hidden />{back.label}</Link>}
        <h1 tabIndex={-1} ref={heading}>{title}</h1>
        {about !== undefined && <p className="muted">{about}</p>}
      </div>
      {children !== undefined && <div className="row">{children}</div>}
    </div>
  );
}

/** A part of a page in a frame. */
export function Panel({ title, side, children, flush }: { readonly title?: ReactNode; readonly side?: ReactNode; readonly children: ReactNode; /** Without a margin around what is inside. */ readonly flush?: boolean }): ReactNode {
  return (
    <section className={flush === true ? 'panel panel-flush' : 'panel'}>
      {title !== undefined && <div className="panel-head"><h2>{title}</h2>{side !== undefined && <div className="row">{side}</div>}</div>}
      {children}
    </section>
  );
}

/** Names and what belongs to them. */
export function Facts({ of }: { readonly of: readonly (readonly [string, ReactNode] | undefined)[] }): ReactNode {
  return (
    <dl className="facts">
      {of.filter((fact) => fact !== undefined).map(([name, value]) => <div key={name} className="fact"><dt>{name}</dt><dd>{value}</dd></div>)}
    </dl>
  );
}

/** Nothing is there: why, and what to do. */
export function Nothing({ title, children, action }: { readonly title: string; readonly children?: ReactNode; readonly action?: ReactNode }): ReactNode {
  return (
    <div className="nothing">
      <IconInbox size={28} stroke={1.3} aria-hidden />
      <strong>{title}</strong>
      {children !== undefined && <div className="muted">{children}</div>}
      {action}
    </div>
  );
}

export function Loading({ what }: { readonly what: string }): ReactNode {
  return <div className="loading" role="status"><Loader size="sm" type="dots" aria-hidden /><span className="muted">Loading {what} …</span></div>;
}

const NEXT: Readonly<Record<string, string>> = {
  forbidden: 'Your roles do not allow this. An administrator gives roles to groups in the configuration (control.roles).',
  not_found: 'It may be older than what is kept, or the link is wrong.',
  evidence: 'Nothing may happen that cannot be recorded. The page Evidence says what is wrong.',
  rate: 'Too much was asked in a short time.',
  internal: 'The gateway failed. Its log says why, under the id of the request.',
};

/** Something went wrong: what, what to do, and a way to try again. */
export function Wrong({ error, retry }: { readonly error: unknown; readonly retry?: () => void }): ReactNode {
  const { code, message, request, retryAfter } = error instanceof ApiProblem ? error : { code: 'page', message: 'The page failed to show this. Loading it again may help.', request: '', retryAfter: undefined };
  return (
    <Note tone="bad" title={message}>
      <div className="stack-s">
        {NEXT[code] !== undefined && <span>{NEXT[code]}</span>}
        {retryAfter !== undefined && <span>Try again in {retryAfter} s.</span>}
        {request !== '' && <span className="small muted">Request <code>{request}</code></span>}
        {retry && <div><Button size="compact-sm" variant="default" onClick={retry}>Try again</Button></div>}
      </div>
    </Note>
  );
}

/** A file and line of the configuration. */
export function Origin({ of }: { readonly of: { readonly file: string; readonly line: number } }): ReactNode {
  return <code className="anywhere">{of.file}:{of.line}</code>;
}
