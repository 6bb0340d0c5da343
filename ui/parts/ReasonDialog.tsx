import { Button, Modal, TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { Note } from './Status.tsx';

/** Asks for the reason of something that is recorded, and does it. Stays open with the reason typed when it fails. */
export function ReasonDialog({ title, about, act, most = 200, danger = true, onClose, onDone }: {
  readonly title: string;
  readonly about: ReactNode;
  /** On the button. */
  readonly act: string;
  readonly most?: number;
  readonly danger?: boolean;
  readonly onClose: () => void;
  readonly onDone: (reason: string) => Promise<unknown>;
}): ReactNode {
  const [reason, setReason] = useState('');
  const [failure, setFailure] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async (): Promise<void> => {
    if (reason.trim() === '') {
      setFailure('Say why: the reason stands in the record.');
      return;
    }
    setBusy(true);
    try {
      await onDone(reason.trim());
      onClose();
    } catch (error) {
      setFailure((error as Error).message);
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={onClose} title={title} lockScroll={false} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); void submit(); }} noValidate>
        <div>{about}</div>
        <TextInput label="Reason" required data-autofocus maxLength={most} value={reason} onChange={(event) => setReason(event.currentTarget.value)} autoComplete="off" />
        {failure !== undefined && <Note tone="bad">{failure}</Note>}
        <div className="row spread">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button type="submit" color={danger ? 'red' : 'teal'} loading={busy}>{act}</Button>
        </div>
      </form>
    </Modal>
  );
}
