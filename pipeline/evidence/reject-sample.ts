import { kindOf, type Reject } from "./evidence.ts";

const EXCERPT_CHARACTERS = 300;
/** Rejects kept for each reason of one block or unit. */
const REJECTS_PER_REASON = 5;

/** Keeps the first few rejects of every reason. */
export class RejectSample {
  readonly sample: Reject[] = [];
  readonly #counts = new Map<string, number>();

  /** Whether there are enough for a reason: more of them leave no trace. */
  isFull(step: string, reason: string): boolean {
    return this.#countOf(step, reason) >= REJECTS_PER_REASON;
  }

  add(place: Pick<Reject, "input" | "line">, step: string, reason: string, text: () => string): void {
    if (this.isFull(step, reason)) return;
    this.#counts.set(kindOf(step, reason), this.#countOf(step, reason) + 1);
    const excerpt = text().slice(0, EXCERPT_CHARACTERS).toWellFormed();
    this.sample.push({ input: place.input, line: place.line, step, reason, excerpt });
  }

  #countOf(step: string, reason: string): number {
    return this.#counts.get(kindOf(step, reason)) ?? 0;
  }
}
