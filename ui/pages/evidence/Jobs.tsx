import { Button } from '@mantine/core';
import { IconDownload, IconFileExport, IconShieldCheck } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { addressOf, gateway } from '../../api/gateway.ts';
import type { Job } from '../../api/types.ts';
import { Loading, Panel, Wrong } from '../../parts/Page.tsx';
import { Words } from '../../parts/Statement.tsx';
import { Status } from '../../parts/Status.tsx';
import { Time } from '../../parts/Time.tsx';
import { tell } from '../../parts/Toasts.tsx';
import { bytes } from '../../parts/words.ts';
import { ExportDialog } from './ExportDialog.tsx';

const SHOWN = 8;

/** Verifying the log and exporting packs: long work, which goes on without this page. */
export function Jobs(): ReactNode {
  const client = useQueryClient();
  const [exporting, setExporting] = useState(false);
  const jobs = useQuery({
    queryKey: ['jobs'],
    queryFn: ({ signal }) => gateway(signal).evidence.jobs(),
    refetchInterval: ({ state }) => (state.data?.items.some((job) => job.state === 'running') === true ? 2000 : false),
  });
  const verify = useMutation({
    mutationFn: () => gateway().evidence.verify(),
    onSuccess: () => tell('info', 'Verifying: every record is read and compared'),
    onError: (error) => tell('bad', error.message),
    onSettled: () => client.invalidateQueries({ queryKey: ['jobs'] }),
  });
  const running = jobs.data?.items.some(({ kind, state }) => kind === 'verify' && state === 'running') === true;
  return (
    <Panel
      title="Verify and export"
      side={(
        <>
          <Button size="sm" variant="default" leftSection={<IconFileExport size={16} aria-hidden />} onClick={() => setExporting(true)}>Export a pack</Button>
          <Button size="sm" leftSection={<IconShieldCheck size={16} aria-hidden />} loading={verify.isPending} disabled={running} onClick={() => verify.mutate()}>Verify now</Button>
        </>
      )}
    >
      {jobs.error && <Wrong error={jobs.error} retry={() => void jobs.refetch()} />}
      {jobs.isPending && <Loading what="the last ones" />}
      {jobs.data?.items.length === 0 && <p className="muted">Nothing was verified or exported since the gateway started. It checks samples of its log by itself; this reads all of it.</p>}
      {jobs.data && jobs.data.items.length > 0 && <ul className="plain-list">{jobs.data.items.slice(0, SHOWN).map((job) => <JobLine key={job.id} of={job} />)}</ul>}
      {exporting && <ExportDialog onClose={() => setExporting(false)} />}
    </Panel>
  );
}

function JobLine({ of }: { readonly of: Job }): ReactNode {
  return (
    <li className="evidence-item">
      <div className="row spread">
        <span className="row"><strong>{of.kind === 'verify' ? 'Verification' : 'Pack'}</strong><JobState of={of} /></span>
        <span className="small muted"><Words>{of.by}</Words>, <Time at={of.startedAt} /></span>
      </div>
      {of.result !== undefined && <span className="anywhere"><Words>{of.result}</Words></span>}
      {of.findings.length > 0 && <ul className="bullets">{of.findings.map((finding, at) => <li key={at} className="refused"><Words>{finding}</Words></li>)}</ul>}
      {of.kind === 'export' && of.state === 'done' && (
        <div className="row small">
          <Button component="a" href={addressOf(`/evidence/jobs/${encodeURIComponent(of.id)}/pack`)} download size="compact-sm" variant="default" leftSection={<IconDownload size={14} aria-hidden />}>Download{of.bytes !== undefined && ` (${bytes(of.bytes)})`}</Button>
          {of.sha256 !== undefined && <span className="muted anywhere">SHA-256 <code>{of.sha256}</code></span>}
        </div>
      )}
    </li>
  );
}

function JobState({ of: { kind, state, ok } }: { readonly of: Job }): ReactNode {
  if (state === 'running') return <Status tone="info">Running</Status>;
  if (state === 'failed') return <Status tone="bad">Failed</Status>;
  if (kind === 'verify') return ok === true ? <Status tone="ok">It verifies</Status> : <Status tone="bad">It does not verify</Status>;
  return <Status tone="ok">Ready</Status>;
}
