import { reviewed } from './reviewed.ts';
import { vettedFunctions } from './vetted.ts';

/** Whether a call of pg_catalog's function of this name is no effect of a statement, whatever it is given. */
export const onlyComputes = (name: string): boolean => vettedFunctions.has(name) && !reviewed.has(name) && name !== 'current_setting';
