import { Button, NativeSelect, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useState, type ReactNode } from 'react';
import { clock } from '../../parts/Time.tsx';
import { useMay } from '../../shell/session.ts';
import { hasMore, isFiltered, toField, toTime, type Filters } from './filters.ts';

const DECISIONS = [
  { value: '', label: 'Any decision' },
  { value: 'allow', label: 'Allowed' },
  { value: 'refused', label: 'Refused' },
  { value: 'denied', label: 'Refused by policy' },
  { value: 'masking', label: 'Refused by masking' },
  { value: 'approval_required', label: 'Refused: approval needed' },
  { value: 'require_approval', label: 'Ran after approval' },
];

/** Searches when asked to, not with each key: a search in texts is recorded. */
export function FilterForm({ filters, onSearch }: { readonly filters: Filters; readonly onSearch: (filters: Filters) => void }): ReactNode {
  const mayRead = useMay('auditor', 'admin');
  const zone = clock.use();
  const [more, setMore] = useState(hasMore(filters));
  const submit = (form: HTMLFormElement): void => {
    const given = new FormData(form);
    const value = (name: string): string | undefined => {
      const entry = given.get(name);
      return typeof entry === 'string' && entry.trim() !== '' ? entry.trim() : undefined;
    };
    const next: { [K in keyof Filters]: Filters[K] } = {};
    for (const key of ['identity', 'connection', 'verb', 'object', 'decision', 'text', 'rows'] as const) {
      const found = value(key);
      if (found !== undefined) Object.assign(next, { [key]: found });
    }
    for (const key of ['since', 'until'] as const) {
      const found = toTime(value(key) ?? '', zone);
      if (found !== undefined) Object.assign(next, { [key]: found });
    }
    onSearch(next);
  };
  return (
    <form key={JSON.stringify([filters, zone])} className="filters" role="search" onSubmit={(event) => { event.preventDefault(); submit(event.currentTarget); }}>
      {mayRead && <TextInput className="filter-wide" data-filter name="text" label="Text of a statement (recorded)" defaultValue={filters.text} minLength={3} maxLength={1000} placeholder="3 characters or more" leftSection={<IconSearch size={15} aria-hidden />} autoComplete="off" />}
      <TextInput name="identity" data-filter label="Identity" defaultValue={filters.identity} placeholder="ci-*" maxLength={200} autoComplete="off" />
      <TextInput name="connection" label="Connection" defaultValue={filters.connection} maxLength={200} autoComplete="off" />
      <NativeSelect name="decision" label="Decision" defaultValue={filters.decision ?? ''} data={DECISIONS.some(({ value }) => value === (filters.decision ?? '')) ? DECISIONS : [...DECISIONS, { value: filters.decision ?? '', label: filters.decision ?? '' }]} />
      {more && (
        <>
          <TextInput name="verb" label="Verb" defaultValue={filters.verb} placeholder="drop_table" maxLength={200} autoComplete="off" />
          <TextInput name="object" label="Object" defaultValue={filters.object} placeholder="public.customers" maxLength={200} autoComplete="off" />
          <TextInput name="rows" label="Rows" defaultValue={filters.rows} placeholder=">1000" pattern="(>=|<=|>|<|=)\s*\d+" title="for instance >1000" maxLength={20} autoComplete="off" />
          <TextInput name="since" label={`From (${zone === 'utc' ? 'UTC' : 'local'})`} type="datetime-local" defaultValue={toField(filters.since, zone)} />
          <TextInput name="until" label={`Until (${zone === 'utc' ? 'UTC' : 'local'})`} type="datetime-local" defaultValue={toField(filters.until, zone)} />
        </>
      )}
      <div className="row filter-own">
        <Button type="submit">Search</Button>
        {!more && <Button variant="subtle" onClick={() => setMore(true)}>More filters</Button>}
        {isFiltered(filters) && <Button variant="subtle" onClick={() => onSearch({})}>Clear</Button>}
      </div>
    </form>
  );
}
