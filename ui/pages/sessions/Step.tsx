import { Button } from '@mantine/core';
import { IconBan, IconCheck, IconGavel, IconInfoCircle, IconLogin2, IconLogout, IconPlugConnectedX, type Icon } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { memo, useState, type ReactNode } from 'react';
import { gateway } from '../../api/gateway.ts';
import type { RecordedText, TimelineEntry } from '../../api/types.ts';
import { Loading, Wrong } from '../../parts/Page.tsx';
import { Statement, Words } from '../../parts/Statement.tsx';
import { Note, Status, Tags } from '../../parts/Status.tsx';
import { Time } from '../../parts/Time.tsx';
import { bytes, objectOf, spaced } from '../../parts/words.ts';
import { absence, outcomeWords, refusalWord } from './words.tsx';

const SIGNS: Readonly<Record<TimelineEntry['kind'], Icon>> = { opened: IconLogin2, command: IconCheck, refused: IconBan, closed: IconLogout, lost: IconPlugConnectedX, approval: IconGavel, other: IconInfoCircle };

/** One step of a session: what was said, what was decided and why, what came of it. */
export const Step = memo(function Step({ of, session, marked }: { readonly of: TimelineEntry; readonly session: string; readonly marked: boolean }): ReactNode {
  const Sign = SIGNS[of.kind];
  const command = of.kind === 'command' || of.kind === 'refused';
  return (
    <li className={`step-line step-${of.kind}${marked ? ' step-marked' : ''}`} data-sequence={of.sequence} tabIndex={-1}>
      <div className="step-sign" aria-hidden><Sign size={15} stroke={2} /></div>
      <div className="stack-s grow">
        <div className="row spread">
          <span className="row">
            {command ? (
              <>
                {of.command !== undefined && <span className="muted num">#{of.command}</span>}
                <strong>{spaced(of.verb ?? 'command')}</strong>
                <DecisionOf of={of} />
              </>
            ) : <span><Words>{of.words}</Words></span>}
          </span>
          <span className="muted small"><Time at={of.at} /></span>
        </div>
        {of.texts.map((text, at) => <Text key={at} of={text} label={of.command === undefined ? text.part : `${text.part} of command ${of.command}`} />)}
        {of.reason !== undefined && <div className="small"><Words>{of.reason}</Words></div>}
        {command && <Details of={of} />}
        {of.outcome?.recorded !== undefined && of.outcome.recorded > 0 && of.command !== undefined && <AnswerView session={session} command={of.command} />}
      </div>
    </li>
  );
});

function DecisionOf({ of }: { readonly of: TimelineEntry }): ReactNode {
  if (of.kind === 'refused') return <Status tone="bad">Refused: {refusalWord(of.code ?? 'denied')}</Status>;
  if (of.approval !== undefined) return <Status tone="info">Approved</Status>;
  return <Status tone="ok">Allowed</Status>;
}

function Details({ of }: { readonly of: TimelineEntry }): ReactNode {
  const rules = of.decision?.rules ?? [];
  const masked = Object.keys(of.outcome?.masked ?? {});
  return (
    <div className="step-details small">
      {rules.length > 0 && <span><span className="muted">by </span><span className="anywhere">{rules[0]}</span>{rules.length > 1 && <span className="muted" title={rules.slice(1).join('\n')}> and {rules.length - 1} more</span>}</span>}
      {of.approval !== undefined && <span><Link to="/approvals/$id" params={{ id: of.approval }}>approval</Link></span>}
      {of.objects.length > 0 && <span className="row"><span className="muted">touches</span><Tags of={of.objects.map((object) => objectOf(object).name)} /></span>}
      {masked.length > 0 ? <span className="row"><span className="muted">masked by</span><Tags of={masked} /></span> : of.masks.length > 0 && <span className="row"><span className="muted">masks in force</span><Tags of={of.masks} /></span>}
      {of.outcome && <span className="num">{outcomeWords(of.outcome)}</span>}
      {of.kind === 'command' && of.outcome === undefined && <span className="muted">no outcome on record yet</span>}
    </div>
  );
}

function Text({ of, label }: { readonly of: RecordedText; readonly label: string }): ReactNode {
  if (of.text === undefined) return <Note tone={of.absent === 'altered' ? 'bad' : 'off'}>{spaced(of.part)}: {absence(of.absent ?? 'missing')}</Note>;
  return (
    <>
      {of.part !== 'statement' && <span className="muted small">{spaced(of.part)}</span>}
      <Statement text={of.text} label={label} />
      {of.cut === true && <span className="muted small">Only the beginning is shown. The terminal shows all of it: <code>wicketgate sessions show</code></span>}
    </>
  );
}

/** What the client got, as it was recorded: masked. Read when asked for, as that is recorded too. */
function AnswerView({ session, command }: { readonly session: string; readonly command: number }): ReactNode {
  const [open, setOpen] = useState(false);
  const answer = useQuery({
    queryKey: ['answer', session, command],
    queryFn: ({ signal }) => gateway(signal).sessions.answer({ id: session, command }),
    enabled: open,
    staleTime: Infinity,
    refetchOnWindowFocus: false,
  });
  return (
    <div className="stack-s">
      <div><Button size="compact-xs" variant="default" aria-expanded={open} onClick={() => setOpen(!open)}>{open ? 'Hide the answer' : 'Show the answer'}</Button></div>
      {open && answer.isPending && <Loading what="the answer" />}
      {open && answer.error && <Wrong error={answer.error} retry={() => void answer.refetch()} />}
      {open && answer.data && (answer.data.text === undefined ? <Note tone="off">{answer.data.absent ?? 'No answer is recorded.'}</Note> : <Statement text={answer.data.text} label={`the answer to command ${command}`} />)}
      {open && answer.data?.truncated === true && <span className="muted small">Recorded {bytes(answer.data.recorded)} of {bytes(answer.data.bytes)}; the rest is in the record as a digest.</span>}
    </div>
  );
}
