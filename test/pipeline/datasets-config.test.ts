import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readDatasetsConfig } from "../../pipeline/datasets-config.ts";
import { PROFILES, profileSchema } from "../../pipeline/profiles.ts";
import { profileFor } from "../../pipeline/thresholds.ts";
import { temporaryFolder } from "../support/folders.ts";

const path = join(temporaryFolder(), "datasets.yaml");
const SOURCES = `sources:
  - {name: akty, kind: files, group: all, profile: legal, licence: CC0-1.0, path: a.jsonl}
`;

function read(yaml: string) {
  writeFileSync(path, yaml);
  return readDatasetsConfig(path);
}

test("thresholds are set for all profiles, for one, for a data set; the more special one counts", async () => {
  const { thresholds } = await read(`${SOURCES}thresholds:
  all: {minCharacters: 50, minWords: 7}
  profiles:
    legal: {minWords: 8, maxTopNgram: [0.5, 0.4, 0.3]}
  datasets:
    akty: {minWords: 9, anonymise: false}
`);
  const changed = { minCharacters: 50, minWords: 9, maxTopNgram: [0.5, 0.4, 0.3], anonymise: false };
  assert.deepEqual(profileFor("legal", thresholds, ["akty"]), { ...PROFILES.legal, ...changed });
  assert.deepEqual(profileFor("news", thresholds), { ...PROFILES.news, minCharacters: 50, minWords: 7 });
});

test("without the section the profiles are as they are", async () => {
  const { thresholds } = await read(SOURCES);
  assert.deepEqual(profileFor("legal", thresholds, ["akty"]), PROFILES.legal);
});

test("every threshold says what it is and where its value comes from", () => {
  for (const [name, schema] of Object.entries(profileSchema.shape)) {
    assert.ok((schema.description ?? "").length > 10, name);
  }
});

const mistakes: readonly (readonly [what: string, yaml: string, message: RegExp])[] = [
  [
    "a threshold out of range",
    "thresholds:\n  all:\n    minQuality: 7\n",
    /yaml:5: thresholds\.all\.minQuality: .*found 7/,
  ],
  [
    "an unknown threshold",
    "thresholds:\n  profiles:\n    news:\n      minWord: 7\n",
    /yaml:6: thresholds\.profiles\.news: .*minWord/,
  ],
  [
    "an unknown profile",
    "thresholds:\n  profiles:\n    newz: {minWords: 7}\n",
    /yaml:5: thresholds\.profiles/,
  ],
  [
    "an unknown data set",
    "thresholds:\n  datasets:\n    akta: {minWords: 7}\n",
    /yaml:5: thresholds\.datasets\.akta: no source/,
  ],
  [
    "a range the wrong way round",
    "thresholds:\n  all:\n    averageWordLength: [9, 3]\n",
    /yaml:5: .*\[least, most\]/,
  ],
  [
    "a name taken twice",
    "  - {name: akty, kind: files, group: all, licence: x, path: b}\n",
    /yaml:3: sources\[1\]\.name: the name akty/,
  ],
  [
    "a name that is the same file where case does not count",
    "  - {name: Akty, kind: files, group: all, licence: x, path: b}\n",
    /yaml:3: sources\[1\]\.name: the name Akty is taken by sources\[0\]\.name/,
  ],
  ["YAML that is none", "thresholds: {\n", /yaml:\d: /],
];
for (const [what, yaml, message] of mistakes) {
  test(`${what} is refused with its line`, async () => {
    await assert.rejects(read(SOURCES + yaml), { name: "UserError", message });
  });
}
