import Type, { type Static, type TSchema } from 'typebox';

/** Shapes that several nouns share. Requests are strict: an unknown key is an error. */
export const strict = { additionalProperties: false } as const;

export const Time = (description: string) => Type.String({ format: 'date-time', description: `${description} RFC 3339, UTC.` });
export const Name = (description: string) => Type.String({ minLength: 1, maxLength: 200, description });
export const Count = (description: string) => Type.Integer({ minimum: 0, description });
export const Texts = (description: string) => Type.Array(Type.String(), { description });
/** One of some words. */
export const Words = <const T extends readonly string[]>(words: T, description: string) => Type.Unsafe<T[number]>({ type: 'string', enum: [...words], description });

/** Where something stands in the configuration. */
export const OriginView = Type.Object({ file: Type.String({ description: 'File of the configuration.' }), line: Type.Integer({ description: 'Line, from 1.' }) }, { description: 'Where it stands in the configuration.' });

/** The answer to a request that is refused or that failed. */
export const Problem = Type.Object(
  {
    code: Type.String({ description: 'A stable word: invalid, unauthenticated, forbidden, csrf, not_found, conflict, gone, too_large, rate, evidence, unavailable, internal; reason (not one line of visible text); for approvals also unknown, over, not_approver, forbidden, already, digest.' }),
    message: Type.String({ description: 'A sentence for people: what is wrong, and what to do.' }),
    request: Type.String({ description: 'Id of the request; the gateway\'s log names it too.' }),
  },
  { description: 'Why a request was not granted.' },
);
export type Problem = Static<typeof Problem>;

/** Paging of lists: newest or first by name; `next` leads on. */
export const paging = {
  cursor: Type.Optional(Type.String({ maxLength: 512, pattern: '^[A-Za-z0-9_.~:-]*$', description: '`next` of the page before; without it the first page.' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, description: 'Most items of the page. Default 50.' })),
} as const;

/** One page of a list. */
export const Page = <T extends TSchema>(item: T, description: string) =>
  Type.Object({ items: Type.Array(item, { description: 'Items of this page.' }), next: Type.Union([Type.String(), Type.Null()], { description: 'Cursor of the next page; null on the last.' }) }, { description });

/** Why somebody does something that is recorded. */
export const Reason = (description: string) => Type.String({ minLength: 1, maxLength: 200, description: `${description} One line without control characters or invisible marks; recorded, sealed.` });

export const Done = Type.Object({ done: Type.Literal(true, { description: 'It was recorded and done.' }) }, { description: 'Done.' });
