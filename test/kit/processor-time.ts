/**
 * Milliseconds of a processor that this thread has had so far. For claims about how long a computation takes: what other programs take of a
 * busy machine does not count.
 */
export const processorTime = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};
