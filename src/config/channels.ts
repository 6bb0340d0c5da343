import type { Checking } from './checks.ts';
import { bareClaimProblem } from './logins.ts';
import { loginHint } from './people-groups.ts';
import { quoted, unique } from './references.ts';
import type { ChannelSource } from './resolve-people.ts';
import { webAddressProblem } from './web-address.ts';

const most = 16;

/** What each type of channel must have and may have, besides name, type, includeStatement and ca. */
const keysOf: Readonly<Record<ChannelSource['type'], { readonly must: readonly (keyof ChannelSource)[]; readonly may: readonly (keyof ChannelSource)[] }>> = {
  slack: { must: ['token', 'signingSecret', 'channel'], may: ['api', 'people'] },
  webhook: { must: ['url', 'secret'], may: [] },
};
const common: readonly (keyof ChannelSource)[] = ['name', 'type', 'includeStatement', 'ca'];
/** What records call the ways to answer that are always there. */
const reserved: ReadonlySet<string> = new Set(['page', 'terminal']);

/** Channels have what their type needs, and lead to where a message about a command may go. */
export function checkChannels(checking: Checking): void {
  const { source, places, problems, warnings } = checking;
  const control = source.control;
  const channels = control?.channels ?? [];
  if (control === undefined || channels.length === 0) return;
  if (channels.length > most) problems.add(places.of(control, 'channels'), `${channels.length} are too many: at most ${most}`);
  unique(channels, places, problems);
  for (const channel of channels) checkChannel(channel, checking);
  if (control.url === undefined) warnings.add(places.of(control, 'channels'), 'control.url is not given, so what is sent has no link to the page', 'add control.url, the address that people reach it by');
  if (!source.policies.some(({ rules }) => rules?.some(({ effect }) => effect === 'require_approval'))) warnings.add(places.of(control, 'channels'), 'no rule has the effect require_approval, so nothing is ever asked here');
}

function checkChannel(channel: ChannelSource, { places, declared, problems }: Checking): void {
  const { must, may } = keysOf[channel.type];
  if (reserved.has(channel.name)) problems.add(places.of(channel, 'name'), `${quoted(channel.name)} is what records call another way to answer`, 'choose another name');
  for (const key of must) if (!places.has(channel, key)) problems.add(places.of(channel), `${key} is missing, which ${channel.type} needs`);
  for (const key of Object.keys(channel) as (keyof ChannelSource)[]) {
    if (![...common, ...must, ...may].includes(key)) problems.add(places.of(channel, key), `is not a key of ${channel.type}`, 'remove it');
  }
  for (const key of ['url', 'api'] as const) {
    const written = channel[key];
    // A receiver inside one's own network is ordinary.
    const wrong = written === undefined ? undefined : webAddressProblem(written, { fetched: true, allowPrivate: true, ...(key === 'api' ? { bare: 'a base address' } : {}) });
    if (wrong !== undefined) problems.add(places.of(channel, key), wrong.message.replace('from which nothing is fetched', 'to which nothing is sent'), wrong.suggestion);
  }
  const { people } = channel;
  if (people === undefined) return;
  if (!declared.logins.has(people.login)) problems.add(places.of(people, 'login'), `there is no login ${quoted(people.login)}`, loginHint(people.login, declared.logins));
  const wrong = bareClaimProblem(people.userClaim);
  if (wrong !== undefined) problems.add(places.of(people, 'userClaim'), wrong.message, wrong.suggestion);
}
