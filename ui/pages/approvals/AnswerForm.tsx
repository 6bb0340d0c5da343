import { Button, Checkbox, Textarea } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useId, useRef, useState, type ReactNode } from 'react';
import { gateway } from '../../api/gateway.ts';
import type { AnswerRequest, ApprovalDetail } from '../../api/types.ts';
import { Panel } from '../../parts/Page.tsx';
import { Note, Tags } from '../../parts/Status.tsx';
import { tell } from '../../parts/Toasts.tsx';
import { useMe } from '../../shell/session.ts';

const MOST = 500;
const SAID: Readonly<Record<AnswerRequest['verdict'], string>> = { approve: 'Your approval is recorded', deny: 'Denied. The client is told your reason', force: 'Forced. It is recorded as an exception' };

/** One answer of one person: a reason, and one of two buttons. Break-glass is kept apart from both. `takesBack`: what was approved can only be denied. */
export function AnswerForm({ of, takesBack = false }: { readonly of: ApprovalDetail; readonly takesBack?: boolean }): ReactNode {
  const { groups } = useMe();
  const [reason, setReason] = useState('');
  const [failure, setFailure] = useState<string>();
  const [busy, setBusy] = useState<AnswerRequest['verdict']>();
  const field = useRef<HTMLTextAreaElement>(null);
  const client = useQueryClient();
  const wanted = [...new Set(of.steps.flatMap((step) => step.groups))];
  const outside = !wanted.some((group) => groups.includes(group));

  const answer = async (verdict: AnswerRequest['verdict']): Promise<void> => {
    const line = reason.trim();
    if (line === '') {
      setFailure('A reason is needed: it is recorded, and of a denial the client is told.');
      field.current?.focus();
      return;
    }
    setBusy(verdict);
    setFailure(undefined);
    try {
      const request: AnswerRequest = { verdict, reason: line, digest: of.digest };
      const after = await gateway().approvals.answer({ id: of.id }, request);
      client.setQueryData(['approval', of.id], after);
      tell(verdict === 'approve' ? 'ok' : 'info', SAID[verdict]);
    } catch (error) {
      setFailure((error as Error).message);
      setBusy(undefined);
      // It may be over by now, or another person's answer may have come first.
      void client.invalidateQueries({ queryKey: ['approval', of.id] });
    }
    void client.invalidateQueries({ queryKey: ['approvals'] });
    void client.invalidateQueries({ queryKey: ['overview'] });
  };

  return (
    <Panel title={takesBack ? 'Take it back' : 'Your answer'}>
      <form className="stack" noValidate onSubmit={(event) => event.preventDefault()}>
        {outside && !takesBack && <Note tone="wait" title="Your approval would not count">It takes somebody of <Tags of={wanted} none="no group" />. You are in none of these.</Note>}
        <Textarea
          ref={field}
          label="Reason"
          description="One line. Recorded; of a denial the client is told it."
          required
          autosize={false}
          rows={2}
          maxLength={MOST}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value.replaceAll(/[\r\n]+/g, ' '))}
        />
        {failure !== undefined && <Note tone="bad">{failure}</Note>}
        <div className="answer-buttons">
          <Button size="md" variant="outline" color="red" loading={busy === 'deny'} disabled={busy !== undefined} onClick={() => void answer('deny')}>Deny</Button>
          {!takesBack && <Button size="md" loading={busy === 'approve'} disabled={busy !== undefined} onClick={() => void answer('approve')}>Approve</Button>}
        </div>
        {!takesBack && of.mayForce && <BreakGlass busy={busy} onForce={() => void answer('force')} />}
      </form>
    </Panel>
  );
}

function BreakGlass({ busy, onForce }: { readonly busy: string | undefined; readonly onForce: () => void }): ReactNode {
  const [sure, setSure] = useState(false);
  const about = useId();
  return (
    <details className="glass">
      <summary>Break-glass</summary>
      <div className="stack">
        <p id={about} className="small">Lets it run on your word alone. Only for the groups of <code>approvals.breakGlass</code>, in an emergency. It is recorded, logged as a warning, and listed as an exception for auditors.</p>
        <Checkbox checked={sure} onChange={(event) => setSure(event.currentTarget.checked)} label="This is an emergency, and I answer for it" />
        <Button color="red" disabled={!sure || busy !== undefined} loading={busy === 'force'} aria-describedby={about} onClick={onForce}>Force it</Button>
      </div>
    </details>
  );
}
