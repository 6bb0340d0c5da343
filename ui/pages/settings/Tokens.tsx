import { Button, Modal } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { gateway } from '../../api/gateway.ts';
import type { NewToken, TokenView } from '../../api/types.ts';
import { Loading, Nothing, Panel, Wrong } from '../../parts/Page.tsx';
import { Words } from '../../parts/Statement.tsx';
import { Note, Status, Tags } from '../../parts/Status.tsx';
import { Ago } from '../../parts/Time.tsx';
import { tell } from '../../parts/Toasts.tsx';
import { NewTokenDialog } from './NewTokenDialog.tsx';

/** Tokens of the API, for automation. Machines that use them can never answer an approval. */
export function Tokens(): ReactNode {
  const client = useQueryClient();
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<NewToken>();
  const [ending, setEnding] = useState<TokenView>();
  const tokens = useQuery({ queryKey: ['tokens'], queryFn: ({ signal }) => gateway(signal).tokens.list() });
  const renew = () => client.invalidateQueries({ queryKey: ['tokens'] });
  return (
    <Panel title="API tokens" side={<Button size="sm" onClick={() => setMaking(true)}>Make a token</Button>}>
      {tokens.error && <Wrong error={tokens.error} retry={() => void tokens.refetch()} />}
      {tokens.isPending && <Loading what="the tokens" />}
      {tokens.data?.items.length === 0 && <Nothing title="No tokens">For scripts that read the API. They act with roles of their own and expire.</Nothing>}
      {tokens.data && tokens.data.items.length > 0 && (
        <ul className="plain-list">
          {tokens.data.items.map((token) => (
            <li key={token.id} className="evidence-item">
              <div className="row spread">
                <span className="row"><strong className="anywhere">{token.name}</strong><TokenState of={token} /><Tags of={token.roles} /></span>
                {isLive(token) && <Button size="compact-sm" variant="default" aria-label={`Revoke ${token.name}`} onClick={() => setEnding(token)}>Revoke</Button>}
              </div>
              {token.actions && <span className="row small"><span className="muted">only</span><Tags of={token.actions} /></span>}
              <span className="small muted">by <Words>{token.createdBy}</Words> <Ago at={token.createdAt} />, {token.lastUsedAt === undefined ? 'never used' : <>used <Ago at={token.lastUsedAt} /></>}, ends <Ago at={token.expiresAt} /></span>
            </li>
          ))}
        </ul>
      )}
      {making && <NewTokenDialog onClose={() => setMaking(false)} onMade={(token) => { setMaking(false); setMade(token); void renew(); }} />}
      {made && <Secret of={made} onClose={() => setMade(undefined)} />}
      {ending && <Revoke of={ending} onClose={() => setEnding(undefined)} onDone={renew} />}
    </Panel>
  );
}

const isLive = ({ revokedAt, expiresAt }: TokenView): boolean => revokedAt === undefined && Date.parse(expiresAt) > Date.now();

function TokenState({ of }: { readonly of: TokenView }): ReactNode {
  if (of.revokedAt !== undefined) return <Status tone="bad">Revoked</Status>;
  return isLive(of) ? <Status tone="ok">Valid</Status> : <Status tone="off">Expired</Status>;
}

/** The secret, once: it is not kept anywhere, here or in the gateway. */
function Secret({ of, onClose }: { readonly of: NewToken; readonly onClose: () => void }): ReactNode {
  const copy = (): void => {
    navigator.clipboard.writeText(of.secret).then(() => tell('ok', 'Copied'), () => tell('bad', 'The browser does not allow copying here'));
  };
  return (
    <Modal opened onClose={onClose} title={`Token ${of.token.name}`} lockScroll={false} closeOnClickOutside={false} closeButtonProps={{ 'aria-label': 'Close' }}>
      <div className="stack">
        <Note tone="wait" title="It is shown this once">Put it where the script reads its secrets. If it is lost, make another one.</Note>
        <code className="anywhere secret">{of.secret}</code>
        <p className="small muted">Send it as <code>Authorization: Bearer …</code></p>
        <div className="row spread"><Button variant="default" onClick={copy}>Copy</Button><Button onClick={onClose}>Done</Button></div>
      </div>
    </Modal>
  );
}

function Revoke({ of, onClose, onDone }: { readonly of: TokenView; readonly onClose: () => void; readonly onDone: () => Promise<void> }): ReactNode {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const revoke = async (): Promise<void> => {
    setBusy(true);
    try {
      await gateway().tokens.revoke({ id: of.id });
      tell('ok', `${of.name} was revoked`);
      await onDone();
      onClose();
    } catch (error) {
      setFailure(error);
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={onClose} title={`Revoke ${of.name}?`} lockScroll={false} closeButtonProps={{ 'aria-label': 'Close' }}>
      <div className="stack">
        <p>Whatever uses it is refused from now on. This cannot be taken back.</p>
        {failure !== undefined && <Wrong error={failure} />}
        <div className="row spread"><Button variant="default" onClick={onClose} data-autofocus>Cancel</Button><Button color="red" loading={busy} onClick={() => void revoke()}>Revoke</Button></div>
      </div>
    </Modal>
  );
}
