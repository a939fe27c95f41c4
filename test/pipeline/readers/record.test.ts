import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRecord } from "../../../pipeline/readers/record.ts";

const parse = (line: string | Uint8Array) => parseRecord(typeof line === "string" ? Buffer.from(line) : line);

test("records of the forms that real files have are read", () => {
  assert.deepEqual(parse('{"text":"Ala","meta":{"url":"https://a.pl","title":"T","words":1}}'), {
    ok: true,
    record: { text: "Ala", url: "https://a.pl", title: "T", label: undefined },
  });
  assert.deepEqual(parse('{"text":["Ala","ma kota"],"other":1}\r'), {
    ok: true,
    record: { text: "Ala\n\nma kota", url: undefined, title: undefined, label: undefined },
  });
  const python = `{'url': 'https://a.pl/?q=it\\'s', 'title': "O'Neill", 'ok': True, 'score': None}`;
  assert.deepEqual(parse(JSON.stringify({ text: "Ala", meta: python })), {
    ok: true,
    record: { text: "Ala", url: "https://a.pl/?q=it's", title: "O'Neill", label: undefined },
  });
});

test("what is no document is refused with a reason", () => {
  const reasons = (lines: (string | Uint8Array)[]) =>
    lines.map((line) => {
      const parsed = parse(line);
      return parsed.ok ? "ok" : parsed.reason;
    });
  assert.deepEqual(reasons(["{cut", "", "Ala ma kota", '{"text":"a"} x']), Array(4).fill("not-json"));
  assert.deepEqual(
    reasons(["[]", "null", "7", "{}", '{"text":7}', '{"text":null}', '{"text":[1]}']),
    Array(7).fill("no-text"),
  );
  const metas = ["7", "null", "[]", '[{"url":"u"}]', "true"];
  assert.deepEqual(
    reasons(metas.map((meta) => `{"text":"a","meta":${meta}}`)),
    Array(metas.length).fill("ok"), // a text does not go for what is said of it
  );
  assert.deepEqual(reasons([Uint8Array.of(0x22, 0xff, 0x22), Buffer.from('{"text":"za\xbf"}', "latin1")]), [
    "not-utf8",
    "not-utf8",
  ]);
});

test("a line that begins with its text is read as JSON.parse reads it", () => {
  for (const line of [
    '{"text":"a","text":"b","meta":{}}',
    '{"text":"a","text":0}',
    '{"text":"a","text":null,"meta":{}}',
    '{"text":"a","te\\u0078t":"b"}',
    '{"text":"a","":"b"}',
    '{"text":"a","__proto__":{"text":"b"}}',
    '{"text":"a","meta":{"text":"b","url":"u"},"meta":{"title":"t"}}',
    '{"text":"a\\ud800b","meta":{"title":"\\udc00"}}',
    '{ "text" : "ą\\u0142\\n" , "meta" : { "url" : "u" } } ',
    '{"text":"a",}',
    '{"text":"a"',
    '{"text":"a"}}',
    '{"text":"a" "meta":{}}',
    '{"text":"a","dropped":"redirect"}',
    '{"text":"a","meta":7,"dropped":"redirect"}',
  ]) {
    // the same behind a mark that the fast way does not know
    assert.deepEqual(parse(line), parse(`\ufeff${line}`), line);
  }
});
