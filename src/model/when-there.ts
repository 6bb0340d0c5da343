/** Goes on with a value: at once where it is there, so that the common case costs no promise, or behind what has to be waited for. */
export const whenThere = <Value, Result>(value: Value | Promise<Value>, then: (value: Value) => Result): Result | Promise<Awaited<Result>> => (value instanceof Promise ? (value.then(then) as Promise<Awaited<Result>>) : then(value));
