/** What a writer puts in the place of single characters. */
type Escapes = Readonly<Record<string, string>>;

/** JSON as RFC 8259 asks for it, and what writers of it escape beside: PHP; Gson; System.Text.Json; Go and others for HTML. */
const JSON_NEEDED: Escapes = { '"': '\\"', '\\': '\\\\' };
const FORMS: readonly Escapes[] = [
  JSON_NEEDED,
  { ...JSON_NEEDED, '/': '\\/' },
  { ...JSON_NEEDED, '=': '\\u003d', '&': '\\u0026', '<': '\\u003c', '>': '\\u003e', "'": '\\u0027' },
  { '\\': '\\\\', '"': '\\u0022', '+': '\\u002B', '&': '\\u0026', '<': '\\u003C', '>': '\\u003E', "'": '\\u0027', '`': '\\u0060' },
  { ...JSON_NEEDED, '&': '\\u0026', '<': '\\u003c', '>': '\\u003e' },
  // HTML: of most, of Go, of Python, of Mustache, of ASP.NET.
  { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' },
  { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;', '+': '&#43;' },
  { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#x27;' },
  { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;', '/': '&#x2F;', '=': '&#x3D;', '`': '&#x60;' },
  { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#x27;', '+': '&#x2B;' },
];

/** A text as it is, and as usual writers of JSON, HTML and addresses have it. Most tokens have nothing that any of them escapes, and so one form. */
export const writtenForms = (text: string): readonly string[] => {
  if (PLAIN.test(text)) return [text];
  const percent = encodeURIComponent(text);
  const form = percent.replaceAll('%20', '+');
  const lower = (encoded: string): string => encoded.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  return [...new Set([text, ...FORMS.map((escapes) => escaped(text, escapes)), percent, lower(percent), form, lower(form)])];
};

const PLAIN = /^[\w.~-]*$/;

const escaped = (text: string, escapes: Escapes): string => text.replace(/[^\w.~-]/g, (character) => escapes[character] ?? character);
