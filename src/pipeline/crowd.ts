/** Something that knows where it stands among its like. */
export interface Placed {
  /** Kept by the crowd. */
  place: number;
}

/**
 * Members that come and go with every command, in no order. Each knows its place, so that joining and leaving touch nothing else; a Set would
 * grow and shrink its table each time.
 */
export class Crowd<Member extends Placed> {
  readonly #members: Member[] = [];

  join(member: Member): void {
    member.place = this.#members.length;
    this.#members.push(member);
  }

  /** Does nothing to one that has left already. */
  leave(member: Member): void {
    const members = this.#members;
    if (members[member.place] !== member) return;
    const last = members.pop() as Member;
    if (last === member) return;
    last.place = member.place;
    members[member.place] = last;
  }

  /** Those that are here now: a list of its own, so that they may leave meanwhile. */
  get all(): readonly Member[] {
    return [...this.#members];
  }
}
