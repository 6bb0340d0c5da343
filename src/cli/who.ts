import { userInfo } from 'node:os';

/**
 * Who sits at the terminal, for records: the user of the operating system, and behind sudo the one who called it. It is what the
 * terminal says: whoever may act as the gateway's user can say something else.
 */
export const whoAsks = (): string => {
  const behind = process.env['SUDO_USER'];
  const name = plain(userInfo().username);
  return behind === undefined || behind === '' ? name : `${plain(behind)} as ${name}`;
};

const plain = (name: string): string => name.replaceAll(/[^A-Za-z0-9._@-]/g, '?').slice(0, 64);
