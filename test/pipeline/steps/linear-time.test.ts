import assert from "node:assert/strict";
import { it } from "node:test";
import { HOSTILE_TEXTS } from "./hostile-texts.ts";
import { slowSteps } from "./step-times.ts";

it("no step's time grows faster than a hostile text", () => {
  for (const [name, textOf] of Object.entries(HOSTILE_TEXTS))
    assert.deepEqual(slowSteps(textOf, 2000), [], name);
});
