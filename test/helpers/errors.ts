import { expect } from 'chai';

/** What a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error(`expected a rejection, got ${String(value)}`);
}

/** Asserts that a promise is rejected with an error of `type` whose message has every one of `parts`. */
export async function expectRejection(
  promise: Promise<unknown>,
  type: new (message: string) => Error,
  ...parts: readonly string[]
): Promise<void> {
  const error = await rejection(promise);
  expect(error, error.stack).to.be.instanceOf(type);
  for (const part of parts) expect(error.message).to.include(part);
  expect(error.message, 'one line').to.not.match(/\n/);
}
