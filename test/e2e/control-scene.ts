import { startPeople, type PeopleProvider, type PersonName } from '../kit/people.ts';
import { Browser, REDIRECT } from './control-browser.ts';
import { startScene, type Scene, type SceneOptions } from './scene.ts';

/** Who has which role in the tests of the control plane. */
export const ROLE_GROUPS = {
  admin: { groups: ['okta/oncall'] },
  approver: { groups: ['okta/dba'] },
  auditor: { groups: ['okta/incident-commanders'] },
  viewer: { groups: ['okta/engineering'] },
} as const;

/** A gateway with people who can sign in: alice is admin and approver, bob approver, carol auditor, mallory viewer. */
export interface ControlScene {
  readonly scene: Scene;
  readonly people: PeopleProvider;
  readonly site: string;
  browser(): Browser;
  signedIn(who: PersonName): Promise<Browser>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const startControlScene = async (options: SceneOptions & { readonly roles?: object; readonly login?: Readonly<Record<string, unknown>> } = {}): Promise<ControlScene> => {
  const people = await startPeople({ redirectUris: [REDIRECT] });
  const { roles = ROLE_GROUPS, login = {}, ...rest } = options;
  let scene: Scene;
  try {
    scene = await startScene({ ...rest, control: { login: [people.login({ more: login })], roles }, env: { ...people.env, ...options.env } });
  } catch (error) {
    await people.stop();
    throw error;
  }
  const site = scene.gateway.control;
  const browser = (): Browser => new Browser(site);
  return {
    scene,
    people,
    site,
    browser,
    signedIn: async (who) => {
      const made = browser();
      const page = await made.signIn(people, who);
      if (page.status !== 303 || made.csrf === undefined) throw new Error(`${who} could not sign in: ${page.status} ${page.headers.get('location')} ${page.text}`);
      return made;
    },
    [Symbol.asyncDispose]: async () => {
      await scene[Symbol.asyncDispose]();
      await people.stop();
    },
  };
};
