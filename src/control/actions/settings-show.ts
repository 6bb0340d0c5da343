import { defineAction, READERS } from '../api/action.ts';
import { ROLES } from '../api/schema/me.ts';
import { Settings } from '../api/schema/settings.ts';
import { groupsOfRole } from '../sign-in/roles.ts';

export const settingsShow = defineAction({
  id: 'settings.show',
  method: 'GET',
  path: '/settings',
  says: 'Build, configuration in force, what is wrong with it, and who may do what here.',
  who: READERS,
  response: Settings,
  handle: ({ services }) => {
    const config = services.config();
    return {
      build: services.build,
      runtime: process.version,
      startedAt: new Date(services.startedAt).toISOString(),
      config: { digest: config.digest, files: [...config.files], policy: services.policies().version },
      problems: Object.entries(services.readiness().details).map(([what, why]) => `${what}: ${why}`),
      login: config.control.login.map(({ name, issuer }) => ({ name, issuer })),
      roles: ROLES.map((role) => ({ role, groups: [...groupsOfRole(config, role)] })),
      bootstrapped: services.signedIn.administrators.bootstrapped().map(({ issuer, subject, at }) => ({ issuer, subject, at: new Date(at).toISOString() })),
    };
  },
});
