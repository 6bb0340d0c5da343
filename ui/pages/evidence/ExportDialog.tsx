import { Button, Checkbox, Modal, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { gateway } from '../../api/gateway.ts';
import type { ExportRequest } from '../../api/types.ts';
import { Note } from '../../parts/Status.tsx';
import { tell } from '../../parts/Toasts.tsx';

const DAY = 86_400_000;
const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

/** Asks for a pack: whole UTC days, as auditors ask for periods. */
export function ExportDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const client = useQueryClient();
  const [from, setFrom] = useState(() => dayOf(Date.now() - 30 * DAY));
  const [to, setTo] = useState(() => dayOf(Date.now()));
  const [sample, setSample] = useState('25');
  const [seed, setSeed] = useState('');
  const [texts, setTexts] = useState(true);
  const [reason, setReason] = useState('');
  const [failure, setFailure] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async (): Promise<void> => {
    if (reason.trim() === '') return setFailure('Say why: the export is recorded with its reason.');
    if (from === '' || to === '' || from > to) return setFailure('The period ends before it begins.');
    setBusy(true);
    setFailure(undefined);
    // The last day is meant with all of it; of today, up to now.
    const end = Math.min(Date.parse(`${to}T00:00:00Z`) + DAY, Date.now());
    const request: ExportRequest = { from: `${from}T00:00:00.000Z`, to: new Date(end).toISOString(), sample: Number(sample), texts, reason: reason.trim(), ...(seed.trim() === '' ? {} : { seed: seed.trim() }) };
    try {
      await gateway().evidence.export(request);
      tell('info', 'The pack is being made; it can be downloaded here when it is ready');
      onClose();
    } catch (error) {
      setFailure((error as Error).message);
      setBusy(false);
    }
    await client.invalidateQueries({ queryKey: ['jobs'] });
  };
  return (
    <Modal opened onClose={onClose} title="Export a pack" lockScroll={false} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form className="stack" noValidate onSubmit={(event) => { event.preventDefault(); void submit(); }}>
        <p className="muted">A file with the records of a period, their proofs, and a page that checks them without this gateway.</p>
        <div className="pair">
          <TextInput type="date" label="From (UTC day)" required data-autofocus value={from} onChange={(event) => setFrom(event.currentTarget.value)} />
          <TextInput type="date" label="To, that day included" required value={to} onChange={(event) => setTo(event.currentTarget.value)} />
          <TextInput type="number" label="Commands sampled" min={0} max={1000} value={sample} onChange={(event) => setSample(event.currentTarget.value)} />
          <TextInput label="Auditor’s seed" maxLength={200} value={seed} onChange={(event) => setSeed(event.currentTarget.value)} placeholder="from the closing roots" autoComplete="off" />
        </div>
        <Checkbox checked={texts} onChange={(event) => setTexts(event.currentTarget.checked)} label="With the texts of the sampled commands" />
        <TextInput label="Reason" required maxLength={200} value={reason} onChange={(event) => setReason(event.currentTarget.value)} autoComplete="off" />
        {failure !== undefined && <Note tone="bad">{failure}</Note>}
        <div className="row spread"><Button variant="default" onClick={onClose}>Cancel</Button><Button type="submit" loading={busy}>Export</Button></div>
      </form>
    </Modal>
  );
}
