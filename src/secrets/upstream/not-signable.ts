/** The request, or its body, is not of a form that a credential can be put on. The client's fault: the message may be told to it, and quotes nothing. */
export class NotSignable extends Error {
  override name = 'NotSignable';
}
