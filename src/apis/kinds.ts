/** Kinds of things that rule sets can name: words that stand in `objects` of rules about requests, alone or as `kind:pattern`. */
export const requestKinds: readonly string[] = [
  'account', 'blob', 'bucket', 'channel', 'container', 'customer', 'dataset', 'document', 'field', 'file', 'folder', 'hmac_key', 'item', 'job', 'key', 'message', 'method',
  'notification', 'object', 'path', 'policy', 'project', 'queue', 'record', 'repository', 'resource', 'resource_group', 'role', 'schema', 'secret', 'service_account', 'snapshot',
  'subscription', 'table', 'topic', 'upload', 'user', 'workspace',
];

export const isRequestKind = (word: string): boolean => requestKinds.includes(word);
