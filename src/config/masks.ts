import type { Checking } from './checks.ts';
import { columnProblem } from './patterns.ts';
import { quoted } from './references.ts';
import { didYouMean } from './suggest.ts';
import { detectors } from './vocabulary.ts';

/** Every mask can hit something, and is written so that the reader of the file knows what. */
export function checkMasks({ source, places, problems, warnings }: Checking): void {
  for (const policy of source.policies) {
    for (const mask of policy.mask ?? []) {
      if (mask.columns === undefined && mask.detect === undefined) problems.add(places.of(mask), 'masks nothing', 'add columns: [...] or detect: [...]');
      mask.columns?.forEach((pattern, index) => {
        const wrong = columnProblem(pattern);
        if (wrong !== undefined) problems.add(places.of(mask.columns ?? [], index), `${quoted(pattern)} ${wrong.message}`, wrong.suggestion);
      });
      mask.detect?.forEach((name, index) => {
        if (!detectors.includes(name)) problems.add(places.of(mask.detect ?? [], index), `there is no detector ${quoted(name)}`, didYouMean(name, detectors));
      });
      if (mask.columns === undefined && mask.detect !== undefined && mask.mode !== undefined) {
        warnings.add(places.of(mask, 'mode'), 'says nothing about detectors, which look at text wherever it is returned', 'remove it');
      }
    }
  }
}
