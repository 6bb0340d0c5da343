import { Counter, Gauge, type Registry } from 'prom-client';
import type { ChannelStatus } from '../approvals/channels/line.ts';

/** Of each channel: whether it takes messages, what waits for it, and what became of messages since start. */
export const addChannelMetrics = (registers: Registry[], channels: () => readonly ChannelStatus[]): void => {
  const gauge = (name: string, help: string, value: (status: ChannelStatus) => number): Gauge =>
    new Gauge({
      name: `wicketgate_channel_${name}`,
      help,
      labelNames: ['channel'],
      registers,
      collect() {
        this.reset();
        for (const status of channels()) this.set({ channel: status.name }, value(status));
      },
    });
  const counter = (name: string, help: string, value: (status: ChannelStatus) => number): Counter =>
    new Counter({
      name: `wicketgate_channel_${name}_total`,
      help,
      labelNames: ['channel'],
      registers,
      collect() {
        this.reset();
        for (const status of channels()) this.inc({ channel: status.name }, value(status));
      },
    });
  gauge('failing', '1 when the last message to the channel did not arrive, else 0.', ({ fault }) => (fault === undefined ? 0 : 1));
  gauge('waiting', 'Requests for approval of which something is to be told to the channel.', ({ waiting }) => waiting);
  counter('delivered', 'Messages that arrived, since start.', ({ delivered }) => delivered);
  counter('failures', 'Tries that failed, since start.', ({ failures }) => failures);
  counter('skipped', 'Requests that were over before the channel was told anything, since start.', ({ skipped }) => skipped);
};
