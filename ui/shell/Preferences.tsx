import { SegmentedControl, useMantineColorScheme } from '@mantine/core';
import type { ReactNode } from 'react';
import { clock } from '../parts/Time.tsx';

/** Colours and clock, as this browser remembers them. */
export function Preferences(): ReactNode {
  // With transitions: switching them off would need a style tag, which the content security policy forbids.
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  return (
    <div className="preferences">
      <SegmentedControl
        fullWidth
        size="xs"
        aria-label="Clock"
        value={clock.use()}
        onChange={(value) => clock.set(value)}
        data={[{ value: 'local', label: 'Local time' }, { value: 'utc', label: 'UTC' }]}
      />
      <SegmentedControl
        fullWidth
        size="xs"
        aria-label="Colours"
        value={colorScheme}
        onChange={(value) => setColorScheme(value)}
        data={[{ value: 'auto', label: 'System' }, { value: 'light', label: 'Light' }, { value: 'dark', label: 'Dark' }]}
      />
    </div>
  );
}
