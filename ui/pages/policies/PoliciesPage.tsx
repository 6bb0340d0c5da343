import { Tabs } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Head } from '../../parts/Page.tsx';
import { Explain } from './Explain.tsx';
import { InForce } from './InForce.tsx';
import { MatrixView } from './MatrixView.tsx';
import { Versions } from './Versions.tsx';

const route = getRouteApi('/shell/policies');
const VIEWS = ['force', 'explain', 'matrix', 'versions'] as const;

export function PoliciesPage(): ReactNode {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const view = VIEWS.find((one) => one === search.view) ?? 'force';
  return (
    <>
      <Head title="Policies" name="Policies" about="What is in force, and from where. To change it, edit the files: a reload is recorded with what changed." />
      <Tabs value={view} onChange={(next) => void navigate({ search: next === null || next === 'force' ? {} : { view: next } })} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="force">In force</Tabs.Tab>
          <Tabs.Tab value="explain">Explain</Tabs.Tab>
          <Tabs.Tab value="matrix">Who reaches what</Tabs.Tab>
          <Tabs.Tab value="versions">Versions</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="force"><InForce only={search.policy} /></Tabs.Panel>
        <Tabs.Panel value="explain"><Explain identity={search.identity ?? ''} connection={search.connection ?? ''} /></Tabs.Panel>
        <Tabs.Panel value="matrix"><MatrixView /></Tabs.Panel>
        <Tabs.Panel value="versions"><Versions /></Tabs.Panel>
      </Tabs>
    </>
  );
}
