const MOST = 2048;
/** Nobody is led back into signing in. */
const OURS = /^\/(?:login|oidc|bootstrap|api)(?:[/?#]|$)/;

/** Where to go after signing in: a path of this origin, else `/`. Whatever a browser could read as another host is not a path. */
export const returnPath = (wanted: unknown): string => {
  if (typeof wanted !== 'string' || wanted.length > MOST || !/^\/(?![/\\])[\x21-\x7e]*$/.test(wanted) || wanted.includes('\\')) return '/';
  const url = URL.parse(wanted, 'https://here.invalid');
  if (url?.origin !== 'https://here.invalid') return '/';
  // As the browser will read it: "/./", "/../" and their encodings may make "//" of a path.
  const path = `${url.pathname}${url.search}${url.hash}`;
  return path.startsWith('//') || OURS.test(path) ? '/' : path;
};
