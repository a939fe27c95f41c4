import { IGNORED_TARGET } from "../../model/backend.ts";

/** One row to score: tokens and, for each, the token after it, or IGNORED_TARGET where another row scores it. */
export interface ScoringWindow {
  readonly ids: Int32Array;
  readonly targets: Int32Array;
}

/**
 * Cuts a document into windows that score every token after the first exactly once. A window begins `stride` tokens
 * after the one before; what both cover is context for the later one, so that (but for the first window) every token
 * sees at least `length − stride` tokens before it.
 *
 * @param ids the document, its beginning-of-text token first
 * @param length tokens of a window; a shorter last one is filled up with zeros that count nowhere
 */
export function* scoringWindows(
  ids: ArrayLike<number>,
  length: number,
  stride: number,
): Generator<ScoringWindow> {
  /** Tokens up to here (exclusive) have been scored; the first never is, nothing stands before it. */
  let scored = 1;
  for (let start = 0; scored < ids.length; start += stride) {
    const window = { ids: new Int32Array(length), targets: new Int32Array(length).fill(IGNORED_TARGET) };
    for (let index = 0; index < length && start + index < ids.length; index++) {
      window.ids[index] = ids[start + index]!;
      const target = start + index + 1;
      if (target >= scored && target < ids.length) window.targets[index] = ids[target]!;
    }
    scored = Math.min(start + length + 1, ids.length);
    yield window;
  }
}
