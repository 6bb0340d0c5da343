/** The smallest configuration that uses every list; tests change one thing of it. */
export const sound = `version: 1
identityProviders:
  - { name: ci, issuer: https://ci.example, audience: wicketgate }
identities:
  - { name: job, owner: { contact: a@b.example }, provider: ci, claims: { project: 7 }, groups: [jobs] }
connections:
  - name: db
    protocol: postgres
    listen: 127.0.0.1:6432
    target: { host: db.internal, port: 5432, database: app }
    credential: { username: app, password: env:DB }
policies:
  - name: jobs
    groups: [jobs]
    connections: [db]
    allow: [read]
    rules:
      - { name: no-drop, match: { verbs: [drop] }, effect: deny }
    mask:
      - columns: ["*.password"]
    limits: { sessionAge: 12h }
`;

/** A sound configuration in which people sign in, are asked, and approve. */
export const soundWithPeople = `version: 1
control:
  url: https://wicketgate.example
  login:
    - name: okta
      issuer: https://okta.example
      clientId: wicketgate
      clientSecret: env:OKTA
      accounts: { ci: claims.ci_account }
  roles: { approver: { groups: [okta/dba, okta/oncall] } }
  channels:
    - { name: oncall, type: slack, token: env:SLACK, signingSecret: env:SIGNING, channel: C0123, people: { login: okta, userClaim: slack_id } }
    - { name: teams, type: webhook, url: https://hooks.example/x, secret: env:HOOK }
identityProviders:
  - { name: ci, issuer: https://ci.example, audience: wicketgate }
identities:
  - { name: job, owner: { group: okta/payments }, provider: ci, claims: { project: 7 }, requester: claims.actor, author: claims.author, groups: [jobs] }
connections:
  - { name: db, protocol: postgres, listen: 127.0.0.1:6432, target: { host: db.internal, port: 5432, database: app }, credential: { username: app } }
policies:
  - name: jobs
    groups: [jobs]
    connections: [db]
    allow: [read, write]
    rules:
      - { name: big, match: { verbs: [delete], rows: "> 1000" }, effect: require_approval, approval: { groups: [okta/dba] } }
      - { name: huge, match: { verbs: [delete], rows: "> 9000" }, effect: deny }
approvals:
  breakGlass: { groups: [okta/incidents] }
`;

/** What its references lead to. */
export const peopleEnvironment = { OKTA: 'x', SLACK: 'x', SIGNING: 'x', HOOK: 'x' };
