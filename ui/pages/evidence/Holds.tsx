import { Button, Modal, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { gateway } from '../../api/gateway.ts';
import type { EvidenceView, HoldRequest } from '../../api/types.ts';
import { Nothing, Panel } from '../../parts/Page.tsx';
import { ReasonDialog } from '../../parts/ReasonDialog.tsx';
import { Words } from '../../parts/Statement.tsx';
import { Note } from '../../parts/Status.tsx';
import { Time } from '../../parts/Time.tsx';
import { tell } from '../../parts/Toasts.tsx';

type Hold = EvidenceView['holds'][number];

/** Legal holds: what they cover is not purged. */
export function Holds({ of, mayChange }: { readonly of: readonly Hold[]; readonly mayChange: boolean }): ReactNode {
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const [releasing, setReleasing] = useState<string>();
  const renew = () => client.invalidateQueries({ queryKey: ['evidence'] });
  return (
    <Panel title="Legal holds" side={mayChange && <Button size="sm" variant="default" onClick={() => setAdding(true)}>Add a hold</Button>}>
      {of.length === 0 ? <Nothing title="No hold is in force">Texts and answers are purged as retention says. A hold keeps what it covers.</Nothing> : (
        <ul className="plain-list">
          {of.map((hold) => (
            <li key={hold.name} className="evidence-item">
              <div className="row spread"><strong className="anywhere">{hold.name}</strong>{mayChange && <Button size="compact-sm" variant="default" aria-label={`Release ${hold.name}`} onClick={() => setReleasing(hold.name)}>Release</Button>}</div>
              <span><Words>{hold.reason}</Words></span>
              <span className="small muted anywhere">covers {covers(hold)} · by <Words>{hold.by}</Words>, <Time at={hold.since} /></span>
            </li>
          ))}
        </ul>
      )}
      {adding && <AddHold onClose={() => setAdding(false)} onDone={renew} />}
      {releasing !== undefined && (
        <ReasonDialog
          title={`Release ${releasing}?`}
          about="What only this hold keeps may go with the next purge. The reason stands in the record in clear."
          act="Release"
          onClose={() => setReleasing(undefined)}
          onDone={async (reason) => {
            await gateway().evidence.release({ name: releasing }, { reason });
            tell('ok', 'The hold was released');
            await renew();
          }}
        />
      )}
    </Panel>
  );
}

const covers = ({ connections, sessions, from, to }: Hold): string => {
  const parts = [connections && `connections ${connections.join(', ')}`, sessions && `sessions ${sessions.join(', ')}`, from !== undefined && `from ${from}`, to !== undefined && `to ${to}`].filter((part) => typeof part === 'string');
  return parts.length === 0 ? 'everything' : parts.join(', ');
};

const names = (text: string): string[] => text.split(/[\s,]+/).filter((name) => name !== '');

function AddHold({ onClose, onDone }: { readonly onClose: () => void; readonly onDone: () => Promise<void> }): ReactNode {
  const [failure, setFailure] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async (form: HTMLFormElement): Promise<void> => {
    const given = new FormData(form);
    const value = (name: string): string => {
      const entry = given.get(name);
      return typeof entry === 'string' ? entry.trim() : '';
    };
    if (value('name') === '' || value('reason') === '') return setFailure('A hold has a name and a reason.');
    const [connections, sessions] = [names(value('connections')), names(value('sessions'))];
    const request: HoldRequest = {
      name: value('name'),
      reason: value('reason'),
      ...(connections.length === 0 ? {} : { connections }),
      ...(sessions.length === 0 ? {} : { sessions }),
      ...(value('from') === '' ? {} : { from: value('from') }),
      ...(value('to') === '' ? {} : { to: value('to') }),
    };
    setBusy(true);
    try {
      await gateway().evidence.hold(request);
      tell('ok', 'The hold is in force');
      await onDone();
      onClose();
    } catch (error) {
      setFailure((error as Error).message);
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={onClose} title="Add a legal hold" lockScroll={false} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form className="stack" noValidate onSubmit={(event) => { event.preventDefault(); void submit(event.currentTarget); }}>
        <TextInput name="name" label="Name" required data-autofocus maxLength={63} placeholder="case-2026-17" autoComplete="off" />
        <TextInput name="reason" label="Reason" description="It stands in the record in clear." required maxLength={200} autoComplete="off" />
        <p className="muted small">Without any of these it covers everything.</p>
        <TextInput name="connections" label="Only connections" placeholder="orders, billing" autoComplete="off" />
        <TextInput name="sessions" label="Only sessions" autoComplete="off" />
        <div className="pair">
          <TextInput name="from" type="date" label="From (UTC day)" />
          <TextInput name="to" type="date" label="To, that day included" />
        </div>
        {failure !== undefined && <Note tone="bad">{failure}</Note>}
        <div className="row spread"><Button variant="default" onClick={onClose}>Cancel</Button><Button type="submit" loading={busy}>Add the hold</Button></div>
      </form>
    </Modal>
  );
}
