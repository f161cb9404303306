/** The steps of a long test: the first that fails ends it, and says which it was. */

/**
 * Takes one step.
 * @param {import('node:test').TestContext} t
 * @param {string} sentence what holds after it
 * @param {() => Promise<void>} act
 */
export async function step(t, sentence, act) {
  const begun = performance.now();
  try {
    await act();
  } catch (error) {
    throw new Error(`Not so: ${sentence}.\n${error.message}`, { cause: error });
  }
  t.diagnostic(`${sentence} (${Math.round(performance.now() - begun)} ms)`);
}
