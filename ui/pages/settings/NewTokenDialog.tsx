import { Button, Checkbox, Modal, NativeSelect, TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { gateway } from '../../api/gateway.ts';
import type { NewToken, Role, TokenRequest } from '../../api/types.ts';
import { Note } from '../../parts/Status.tsx';
import { useMe } from '../../shell/session.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const LIVES = [{ value: '7', label: '7 days' }, { value: '30', label: '30 days' }, { value: '90', label: '90 days' }, { value: '365', label: 'a year' }];

export function NewTokenDialog({ onClose, onMade }: { readonly onClose: () => void; readonly onMade: (token: NewToken) => void }): ReactNode {
  const me = useMe();
  // Nobody gives away more than they have, and a machine never answers an approval.
  const choices = me.roles.filter((role) => role !== 'approver');
  const [name, setName] = useState('');
  const [roles, setRoles] = useState<readonly Role[]>([]);
  const [actions, setActions] = useState('');
  const [days, setDays] = useState('30');
  const [failure, setFailure] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async (): Promise<void> => {
    if (!NAME.test(name)) return setFailure('A name has letters, digits, points, dashes and underscores, and begins with a letter or digit.');
    if (roles.length === 0) return setFailure('Choose at least one role.');
    const only = actions.split(/[\s,]+/).filter((action) => action !== '');
    const request: TokenRequest = { name, roles: [...roles], days: Number(days), ...(only.length === 0 ? {} : { actions: only }) };
    setBusy(true);
    setFailure(undefined);
    try {
      onMade(await gateway().tokens.create(request));
    } catch (error) {
      setFailure((error as Error).message);
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={onClose} title="Make a token" lockScroll={false} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form className="stack" noValidate onSubmit={(event) => { event.preventDefault(); void submit(); }}>
        <TextInput label="Name" description="For the records" required data-autofocus maxLength={63} value={name} onChange={(event) => setName(event.currentTarget.value)} autoComplete="off" />
        <Checkbox.Group label="Roles" required value={[...roles]} onChange={(value) => setRoles(choices.filter((role) => value.includes(role)))}>
          <div className="row token-roles">{choices.map((role) => <Checkbox key={role} value={role} label={role} />)}</div>
        </Checkbox.Group>
        <TextInput label="Only these actions" description="By operation, for instance sessions.list. Empty: all of its roles." value={actions} onChange={(event) => setActions(event.currentTarget.value)} autoComplete="off" />
        <NativeSelect label="Lives for" value={days} onChange={(event) => setDays(event.currentTarget.value)} data={LIVES} />
        {failure !== undefined && <Note tone="bad">{failure}</Note>}
        <div className="row spread"><Button variant="default" onClick={onClose}>Cancel</Button><Button type="submit" loading={busy}>Make it</Button></div>
      </form>
    </Modal>
  );
}
