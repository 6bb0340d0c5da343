import { IconActivity, IconDatabase, IconGavel, IconHome, IconListDetails, IconRobot, IconSettings, IconShieldCheck, IconTerminal2, type Icon } from '@tabler/icons-react';
import type { LinkProps } from '@tanstack/react-router';
import type { Role } from '../api/types.ts';

export interface Place {
  readonly to: NonNullable<LinkProps['to']>;
  readonly name: string;
  readonly sign: Icon;
  /** Pressed after `g`. */
  readonly key: string;
  /** Who can see it; absent: every role. */
  readonly roles?: readonly Role[];
}

/** Where one can go, in the order of the navigation. */
export const PLACES: readonly Place[] = [
  { to: '/', name: 'Overview', sign: IconHome, key: 'o' },
  { to: '/approvals', name: 'Approvals', sign: IconGavel, key: 'a', roles: ['admin', 'approver', 'auditor'] },
  { to: '/sessions', name: 'Sessions', sign: IconTerminal2, key: 's' },
  { to: '/identities', name: 'Identities', sign: IconRobot, key: 'i' },
  { to: '/connections', name: 'Connections', sign: IconDatabase, key: 'c' },
  { to: '/policies', name: 'Policies', sign: IconListDetails, key: 'p' },
  { to: '/evidence', name: 'Evidence', sign: IconShieldCheck, key: 'e' },
  { to: '/activity', name: 'Activity', sign: IconActivity, key: 'y', roles: ['admin', 'auditor'] },
  { to: '/settings', name: 'Settings', sign: IconSettings, key: 't', roles: ['admin', 'auditor'] },
];
