import type { Checking } from './checks.ts';
import { fieldProblem } from './field-pattern.ts';
import { columnProblem } from './patterns.ts';
import { protocolsOf } from './reached.ts';
import { quoted } from './references.ts';
import { didYouMean } from './suggest.ts';
import { detectors } from './vocabulary.ts';

/** Every mask can hit something, and is written so that the reader of the file knows what. */
export function checkMasks({ source, places, problems, warnings }: Checking): void {
  for (const policy of source.policies) {
    const protocols = protocolsOf(policy, source);
    for (const mask of policy.mask ?? []) {
      if (mask.columns === undefined && mask.fields === undefined && mask.detect === undefined) problems.add(places.of(mask), 'masks nothing', 'add columns: [...], fields: [...] or detect: [...]');
      if (mask.columns !== undefined && protocols === 'http') problems.add(places.of(mask, 'columns'), 'masks nothing: all connections of the policy are of protocol http, whose answers have fields', 'write fields: [...]');
      if (mask.fields !== undefined && protocols === 'postgres') problems.add(places.of(mask, 'fields'), 'masks nothing: all connections of the policy are of protocol postgres, whose answers have columns', 'write columns: [...]');
      if (mask.otherwise !== undefined && mask.fields === undefined && mask.detect === undefined) problems.add(places.of(mask, 'otherwise'), 'is about bodies, and the mask names neither fields nor detectors', 'remove it');
      mask.fields?.forEach((pattern, index) => {
        const wrong = fieldProblem(pattern);
        if (wrong !== undefined) problems.add(places.of(mask.fields ?? [], index), `${quoted(pattern)} ${wrong}`, 'such as $.customer.ssn, $.items[*].card or password');
      });
      mask.columns?.forEach((pattern, index) => {
        const wrong = columnProblem(pattern);
        if (wrong !== undefined) problems.add(places.of(mask.columns ?? [], index), `${quoted(pattern)} ${wrong.message}`, wrong.suggestion);
      });
      mask.detect?.forEach((name, index) => {
        if (!detectors.includes(name)) problems.add(places.of(mask.detect ?? [], index), `there is no detector ${quoted(name)}`, didYouMean(name, detectors));
      });
      if (mask.columns === undefined && mask.mode !== undefined && (mask.detect !== undefined || mask.fields !== undefined)) {
        warnings.add(places.of(mask, 'mode'), mask.detect === undefined ? 'says nothing about fields of bodies' : 'says nothing about detectors, which look at text wherever it is returned', 'remove it');
      }
    }
  }
}
