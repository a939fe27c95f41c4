import assert from "node:assert/strict";
import { test } from "node:test";
import type { CleanManifest } from "../../pipeline/clean-manifest.ts";
import { PROFILES } from "../../pipeline/profiles.ts";
import { renderReport } from "../../pipeline/report/report.ts";
import { emptyStatistics, stepOf } from "../../pipeline/statistics.ts";

function dataset(name: string, licence: string): CleanManifest["datasets"][number] {
  const statistics = emptyStatistics(["read", "html", "language"]);
  Object.assign(statistics, { documentsRead: 10, documentsKept: 7, bytesRead: 9000, textBytesKept: 6000 });
  Object.assign(stepOf(statistics, "html"), { documentsIn: 10, changed: 4, bytesIn: 9000, bytesOut: 8000 });
  Object.assign(stepOf(statistics, "language"), { documentsIn: 10, dropped: { "language-cs": 3 } });
  const thresholds = { ...PROFILES.web, minQuality: 0.6 };
  if (name === "second") delete statistics.steps.html;
  return { name, source: name, group: "g", profile: "web", thresholds, licence, inputs: [], statistics };
}

const manifest: CleanManifest = {
  format: "apt3.clean/2",
  version: "0",
  fingerprint: "",
  complete: true,
  planned: [],
  settings: { shardTextBytes: 1, nearDedup: true, traces: 1, rejects: "sampled", steps: [] },
  mix: {},
  datasets: [dataset("<b>first", "CC0"), dataset("second", "CC BY")],
  failed: [{ dataset: "third", message: "third.zst: cut off" }],
  shards: [],
};

test("the report tells counts, losses, languages, licences, thresholds and failures, and hides no markup", () => {
  const page = renderReport(manifest, { rejects: [], traces: [] }, { html: 4 });
  for (const part of [
    "14 of 20",
    "70.0 %",
    "language: language-cs",
    "Czech",
    "CC BY",
    "minQuality",
    "third.zst: cut off",
    "&lt;b&gt;first",
  ])
    assert.ok(page.includes(part), part);
  // the second data set has no step html: it passes it with all its documents
  assert.match(page, /<td>html<\/td><td class="number">20<\/td>/);
  assert.doesNotMatch(page, /<b>first|src=|href=|@import|NaN|undefined/);
});
