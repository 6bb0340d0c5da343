import type { Certificate } from './certificate.ts';
import { ATTRIBUTES, dnText, type DistinguishedName } from './names.ts';

/** What a certificate says, in the form in which identities look at what a token says. */
export type CertificateClaims = Readonly<Record<string, unknown>>;

/** The claims of a verified certificate. A name that it has several of has no single form: which of them would be meant? */
export const claimsOf = ({ names, subject, issuer, serial, fingerprint }: Certificate): CertificateClaims => ({
  ...single('uri', names.uris),
  uris: names.uris,
  ...single('dns', names.dns),
  dnsNames: names.dns,
  ...single('email', names.emails),
  emails: names.emails,
  subject: { ...attributes(subject), dn: dnText(subject) },
  issuer: dnText(issuer),
  serial,
  fingerprint,
});

const single = (name: string, values: readonly string[]): Record<string, string> => (values.length === 1 ? { [name]: values[0] as string } : {});

const attributes = (subject: DistinguishedName): Record<string, string> => {
  const found = new Map<string, (string | undefined)[]>();
  for (const { oid, text } of subject.flat()) {
    const name = ATTRIBUTES.get(oid);
    if (name !== undefined) found.set(name, [...(found.get(name) ?? []), text]);
  }
  return Object.fromEntries([...found].flatMap(([name, texts]) => (texts.length === 1 && texts[0] !== undefined ? [[name, texts[0]]] : [])));
};

/** Whom a certificate names, in one text: its URI, its subject, or, where it has neither, itself. */
export const subjectOf = ({ names, subject, fingerprint }: Certificate): string => {
  const [uri] = names.uris;
  if (names.uris.length === 1 && uri !== undefined) return uri;
  return subject.length > 0 ? dnText(subject) : `sha256:${fingerprint}`;
};

/** A SPIFFE id: no more and no other characters than the specification has, no empty, `.` or `..` segment. */
const SPIFFE_ID = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/[A-Za-z0-9._-]{1,1024})+)$/;

/** Whether the certificate is an X509-SVID: exactly one URI, which is the id of a workload. */
export const isSvid = ({ names: { uris } }: Certificate, trustDomain?: string): boolean => {
  const [uri = ''] = uris;
  if (uris.length !== 1 || uri.length > 2048) return false;
  const [, domain, path = ''] = SPIFFE_ID.exec(uri) ?? [];
  return domain !== undefined && (trustDomain === undefined || domain === trustDomain) && !path.split('/').some((segment) => segment === '.' || segment === '..');
};

/** Whether it says that it is one. */
export const claimsSpiffe = ({ names: { uris } }: Certificate): boolean => uris.some((uri) => /^spiffe:/i.test(uri));
