import type { About } from './about.ts';

/**
 * What a request says, as an Adaptive Card (1.4) for Microsoft Teams. Text is in runs of a RichTextBlock, where nothing is Markdown and
 * nobody is mentioned.
 */
export const cardOf = ({ title, facts, statement, values, url }: About): Readonly<Record<string, unknown>> => ({
  $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
  type: 'AdaptiveCard',
  version: '1.4',
  msteams: { width: 'Full' },
  body: [
    textBlock([{ ...run(title), weight: 'Bolder', size: 'Medium' }]),
    ...facts.map(({ name, text }) => textBlock([{ ...run(`${name}: `), weight: 'Bolder' }, run(text)])),
    ...linesOf(statement, values).map((line) => textBlock([{ ...run(line === '' ? ' ' : line), fontType: 'Monospace' }])),
  ],
  ...(url === undefined ? {} : { actions: [{ type: 'Action.OpenUrl', title: 'Open', url }] }),
});

/** A card is at most 28 KB. */
const MOST_LINES = 40;
const linesOf = (statement: string | undefined, values: readonly string[] = []): readonly string[] => {
  const lines = statement === undefined ? [] : statement.split('\n');
  return [...lines.slice(0, MOST_LINES), ...(lines.length > MOST_LINES ? [`... (cut; ${lines.length} lines in all)`] : []), ...values];
};

const run = (text: string): { readonly type: 'TextRun'; readonly text: string } => ({ type: 'TextRun', text });
const textBlock = (inlines: readonly object[]): object => ({ type: 'RichTextBlock', inlines });
