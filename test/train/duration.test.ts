import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseDuration } from "../../train/duration.ts";

describe("a duration", () => {
  it("is a sum of amounts with units", () => {
    const cases: [text: string, seconds: number][] = [
      ["90m", 5400],
      ["2h30m", 9000],
      ["1d 2h", 93_600],
      ["45s", 45],
      ["1.5 h", 5400],
      ["10min", 600],
    ];
    for (const [text, seconds] of cases) assert.equal(parseDuration(text), seconds, text);
  });

  it("is nothing else", () => {
    for (const text of ["", "90", "h", "2h30", "two hours", "-1h", "1h;", "1w"]) {
      assert.equal(parseDuration(text), undefined, text);
    }
  });
});
