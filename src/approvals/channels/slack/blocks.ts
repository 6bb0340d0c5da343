import type { About } from '../about.ts';

/** What the buttons of a message are called, and the window that asks for the reason. */
export const ACTIONS = { approve: 'wicketgate_approve', deny: 'wicketgate_deny', open: 'wicketgate_open' } as const;
export const ANSWER_VIEW = 'wicketgate_answer';
export const REASON = 'reason';
/** As long as a reason may be. */
const LONGEST_REASON = 500;

type Block = Readonly<Record<string, unknown>>;

/** A request that people are asked about, and what exactly they would answer. */
export interface Asked {
  readonly request: string;
  readonly digest: string;
}

/** What stands in notifications: Slack reads it as mrkdwn, so what acts there is escaped as Slack says. */
export const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** A message. `asked`: with buttons that answer, while it can be answered here. */
export const messageOf = (about: About, asked: Asked | undefined): { readonly text: string; readonly blocks: readonly Block[] } => {
  const value = asked && `${asked.request} ${asked.digest}`;
  const buttons = [
    ...(value === undefined ? [] : [button('Approve', ACTIONS.approve, { value, style: 'primary' }), button('Deny', ACTIONS.deny, { value, style: 'danger' })]),
    ...(about.url === undefined ? [] : [button('Open', ACTIONS.open, { url: about.url })]),
  ];
  return { text: escaped([about.title, ...about.facts.slice(0, 1).map(({ name, text }) => `${name}: ${text}`)].join('; ')), blocks: [...aboutBlocks(about, true), ...(buttons.length === 0 ? [] : [{ type: 'actions', elements: buttons }])] };
};

/** The window that asks for the reason. */
export const reasonView = (about: About, verdict: 'approve' | 'deny', metadata: string): Block => ({
  type: 'modal',
  callback_id: ANSWER_VIEW,
  private_metadata: metadata,
  title: plain(verdict === 'approve' ? 'Approve' : 'Deny'),
  submit: plain(verdict === 'approve' ? 'Approve' : 'Deny'),
  close: plain('Back'),
  blocks: [
    ...aboutBlocks(about, true),
    {
      type: 'input',
      block_id: REASON,
      label: plain('Reason'),
      hint: plain(verdict === 'approve' ? 'Goes on record with your name.' : 'Goes on record with your name, and is told to the client.'),
      element: { type: 'plain_text_input', action_id: REASON, multiline: false, min_length: 1, max_length: LONGEST_REASON },
    },
  ],
});

/** A window that says why nobody can answer here, and where they can. */
export const wordsView = (words: string, url: string | undefined): Block => ({
  type: 'modal',
  title: plain('Not here'),
  close: plain('Close'),
  blocks: [richText([section([text(words)])]), ...(url === undefined ? [] : [{ type: 'actions', elements: [button('Open', ACTIONS.open, { url })] }])],
});

/** Everything in runs of rich text, which Slack shows as they are: no markup, no mention, no link. */
const aboutBlocks = ({ title, facts, statement, values }: About, withTitle: boolean): Block[] => [
  ...(withTitle ? [richText([section([text(title, true)])])] : []),
  richText(facts.map(({ name, text: fact }, index) => section([text(`${index === 0 ? '' : '\n'}${name}: `, true), text(fact)]))),
  ...(statement === undefined ? [] : [richText([{ type: 'rich_text_preformatted', elements: [text([statement, ...(values ?? [])].join('\n'))] }])]),
];

const plain = (words: string): Block => ({ type: 'plain_text', text: words, emoji: false });
const text = (words: string, bold = false): Block => ({ type: 'text', text: words === '' ? ' ' : words, ...(bold ? { style: { bold: true } } : {}) });
const section = (elements: readonly Block[]): Block => ({ type: 'rich_text_section', elements });
const richText = (elements: readonly Block[]): Block => ({ type: 'rich_text', elements });
const button = (label: string, action: string, more: Block): Block => ({ type: 'button', text: plain(label), action_id: action, ...more });
