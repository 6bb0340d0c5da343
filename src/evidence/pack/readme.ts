import type { Manifest } from './export.ts';

/** README.txt of a pack: for an auditor who has never seen one. */
export const readme = ({ made, query, logs }: Omit<Manifest, 'files'>): string => `EVIDENCE PACK
=============

What this is
------------
The record that a Wicketgate gateway kept of machine identities and what they did,
for one period, in a form that you can check without trusting whoever gave it to you.

Period   ${query.from} to ${query.to} (UTC; the end is not part of it)
Made     ${made.at} by ${made.by}, with ${made.with}
Logs     ${logs.map(({ log, period }) => `${log}, records ${period.first} to ${period.end} (the end is not part of it)`).join('\n         ')}

"Made by" is what the person at the terminal was called. Nothing proves it.

How to check it
---------------
1. Open verify.html in a current browser (Chrome or Edge 137, Firefox 130, Safari 17, or newer).
   It needs no network and sends nothing anywhere. Drop this zip file on it.
2. Enter the verifier key of the log that you have FROM ELSEWHERE: from the operator's published
   keys, an earlier audit, or a witness. Without one the check proves less: that the pack is
   consistent with itself, but not whose it is.
3. Better still, take verify.html from a release of Wicketgate instead of from this pack: whoever
   altered a pack could alter the page in it. "wicketgate evidence verify pack.zip" does the same
   on the command line.

What is in it
-------------
manifest.json            what was asked for, by whom, and every file with its size and SHA-256
verify.html              the page that checks this pack
logs/N/                  one folder for each log
  log/leaves.bin         every record from the opening to the closing checkpoint, each after its length in two bytes
  log/edge.json          what must stand before them, as hashes, so that the tree can be computed again
  log/earlier.jsonl      a few records from before, with proofs: how sessions began, which keys there were
  checkpoints/           the signed statements of the log at the beginning, at the end and in between, with the
                         cosignatures of witnesses and the timestamps of authorities that the log has
  keys.json              the keys that signed, as the log names them
  tlog-policy.txt        the same, to be used with --policy once you have compared them
  populations/           all sessions, commands, decisions, refusals, requests for approval, answers to them
                         (exception: true where one person forced a command through), changes of configuration,
                         key events, holds and purges, revocations, recoveries, accesses to the evidence,
                         what people did in the control plane, and runs of the gateway: each as CSV (for spreadsheets) and as JSON (for programs)
  coverage.json          how well the period is covered: silences, pauses, clock changes, lost sessions, and
                         for each thing that was looked for how often it was found
  samples/               the sampled commands: their records and those about their approval, a proof for each,
                         and the recorded texts
soc2/                    the place of the mapping to the SOC 2 criteria, which this version does not make

In CSV files a text that begins with = + - @ has an apostrophe before it, so that no spreadsheet runs it.

The sample
----------
${query.seedGiven ? `You gave the seed: ${JSON.stringify(query.seed)}` : `No seed was given. It was made from the roots of the closing checkpoints: ${query.seed}`}
Asked for: ${query.sample} commands of each log. Which ones they are follows from the seed and the root of the
log's closing checkpoint alone, so neither side can pick:

  H(i) = SHA-256("wicketgate/sample/v1" 00 || length of the seed (4 bytes) || seed || root (32 bytes) || i (8 bytes))
  x    = first 8 bytes of H(i) as a number; n = commands in populations/commands
  an x of floor(2^64 / n) * n or more is passed over; the command drawn is number x mod n; one that was
  drawn already is passed over; i counts up from 0 until there are enough. All numbers big-endian.

${query.bodies ? 'The texts of the sampled commands are in the pack, as they were recorded: masked. They are copies. A later purge\nof the log does not reach them: destroy this pack when its retention ends.' : 'The pack was made without the keys: it has no texts, only the commitments to them.'}

What it proves, and what not
----------------------------
INTEGRITY     that no record from the opening to the closing checkpoint was altered, removed or put in, and that
              every number and row in the populations follows from the records.
COMPLETENESS  that the records of the period are all there, that sessions and commands are numbered without gaps,
              and where the gateway was silent.
It does not prove that the gateway recorded what it did not see: traffic that went around it, or a gateway that was
replaced by another program. Times are the gateway's clock, unless witnesses or timestamps say otherwise.
It is evidence for an audit. It is not a statement that anybody is compliant with anything.
`;

/** soc2/README.txt: the place that a later version fills. */
export const soc2 = `This folder is the place of the mapping of this evidence to the SOC 2 trust services criteria.
This version of Wicketgate does not make one: nothing is mapped, and nothing is claimed.
`;
