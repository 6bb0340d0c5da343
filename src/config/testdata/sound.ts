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
