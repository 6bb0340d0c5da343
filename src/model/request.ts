/**
 * What policy sees of one HTTP request: read once, in one way, from the same bytes that go to the target. All of it is the client's
 * text, so none of it stands in an evidence leaf.
 */
export interface RequestFacts {
  /** As sent: methods are case-sensitive (RFC 9110 section 9.1). */
  readonly method: string;
  /** Host that the client named, lower case, without a port. */
  readonly host: string;
  /** The path as the target gets it, before its base path: percent-encoding normalised (RFC 3986 section 6.2.2), without a query. Starts with `/`. */
  readonly path: string;
  /** Its segments, decoded. `/a/b%20c/` has `a`, `b c` and an empty one. */
  readonly segments: readonly string[];
  /** Decoded names and values, in order, several values for one name where it came more than once. */
  readonly query: ReadonlyMap<string, readonly string[]>;
  /** Lower-case names. The client's credentials and what belongs to one hop are not among them. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** The body as JSON, where a rule reads it and it is JSON within the bound. `unread`: there is one, and nobody knows what it says. */
  readonly body: { readonly kind: 'none' } | { readonly kind: 'unread'; readonly why: string } | { readonly kind: 'json'; readonly value: unknown };
  /** The operations of a GraphQL request, where the connection's API is one and the body was read. */
  readonly graphql?: readonly GraphqlOperation[];
  /** Of a gRPC call: `package.Service` and `Method`. */
  readonly grpc?: { readonly service: string; readonly method: string };
}

/** One operation of a GraphQL document that a request can run. */
export interface GraphqlOperation {
  readonly type: 'query' | 'mutation' | 'subscription';
  readonly name?: string;
  /** Names of the fields at its top, aliases resolved, fragments followed. */
  readonly fields: readonly string[];
  /** Fields of the document, at any depth, that the answer has under another name: aliases. Of all its operations and fragments. */
  readonly renamed: readonly Renamed[];
  /** The document asks for parts of the answer apart (`@defer`, `@stream`): their fields then stand elsewhere in it. */
  readonly inParts?: true;
}

/** A field that a client gave another name in the answer. */
export interface Renamed {
  readonly name: string;
  readonly as: string;
}
