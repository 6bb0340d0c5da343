import { IconChevronRight } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { EvidenceHealth } from '../api/types.ts';
import { span } from '../parts/times.ts';
import { Status, type Tone } from '../parts/Status.tsx';
import { count, plural } from '../parts/words.ts';
import './charts.css';

/** How far each stage of the evidence has come: can what was recorded still be changed unseen? */
export function EvidenceChain({ of }: { readonly of: EvidenceHealth }): ReactNode {
  const late = of.late.length > 0;
  return (
    <ol className="plain-list chain">
      <Stage name="Written" tone={of.available ? 'ok' : 'bad'} word={of.available ? 'recording' : 'refusing commands'} size={of.records} about={of.reason ?? 'every command, before it has effect'} />
      <Stage name="Signed" tone={of.signedSize === 0 && of.records > 0 ? 'wait' : 'ok'} word={of.signedSize === 0 ? 'nothing yet' : ageOf(of.signedAge)} size={of.signedSize} about={behind(of.records - of.signedSize)} />
      <Stage
        name="Witnessed"
        tone={of.witnesses === 0 ? 'off' : of.cosigning === of.witnesses && !late ? 'ok' : of.cosigning === 0 ? 'bad' : 'wait'}
        word={of.witnesses === 0 ? 'no witness' : `${of.cosigning} of ${of.witnesses} cosign`}
        size={of.witnessedSize ?? 0}
        about={of.witnesses === 0 ? 'who holds this machine could cut the log unseen' : of.witnessedSize === undefined ? 'not yet' : `${behind(of.records - of.witnessedSize)}${of.witnessedAge === undefined ? '' : `, ${ageOf(of.witnessedAge)}`}`}
      />
    </ol>
  );
}

const ageOf = (seconds: number | undefined): string => (seconds === undefined ? 'signed' : `${span(seconds * 1000)} ago`);
const behind = (records: number): string => (records <= 0 ? 'up to the last record' : `${plural(records, 'record')} behind`);

function Stage({ name, tone, word, size, about }: { readonly name: string; readonly tone: Tone; readonly word: string; readonly size: number; readonly about: string }): ReactNode {
  return (
    <li className="stage">
      <span className="row"><strong>{name}</strong><Status tone={tone}>{word}</Status></span>
      <span className="stage-size num">{count(size)}</span>
      <span className="small muted anywhere">{about}</span>
      <IconChevronRight size={18} className="stage-next" aria-hidden />
    </li>
  );
}
