import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type JsonText, jsonBytes, portableJson } from "../../../pipeline/measures/json-text.ts";
import { openNativeJson } from "../../../pipeline/measures/native/native-json.ts";
import { nativeReaderUnavailable } from "../../../pipeline/measures/native/native-reader.ts";
import { mixedTexts, sampleTexts } from "./texts.ts";

/** What `write` puts behind four bytes that stand there, or undefined when it leaves the text to others. */
function written({ write }: JsonText, text: string): string | undefined {
  const bytes = Buffer.alloc(4 + jsonBytes(text), "x");
  const count = write(text, bytes, 4);
  assert.equal(bytes.toString("latin1", 0, 4), "xxxx");
  return count === 0 ? undefined : bytes.toString("utf8", 4, 4 + count);
}

/** A control that has no letter, or half a surrogate pair. */
const ESCAPED_BY_CODE = /[\u0000-\u0008\u000b-\u001f]|\p{Cs}/u;

function checkWriting(json: JsonText, text: string): void {
  const expected = text === "" || ESCAPED_BY_CODE.test(text) ? undefined : JSON.stringify(text).slice(1, -1);
  assert.equal(written(json, text), expected);
}

it("a text is written in TypeScript as JSON.stringify writes it", () => {
  for (const text of sampleTexts()) checkWriting(portableJson, text);
  fc.assert(fc.property(mixedTexts, (text) => checkWriting(portableJson, text)));
});

/** A string as JSON may have it: each sign plainly or by its code. */
const literal = (text: string, byCode: RegExp) =>
  JSON.stringify(text).replace(byCode, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
const space = fc.constantFrom("", "", " ", "\r\t ");
/** Lines of many forms, whole or cut off or with another sign somewhere. */
const lines = fc
  .record({
    text: mixedTexts,
    byCode: fc.constantFrom(/[^\0-\uffff]/g, /[^\0-\x7f]/g, /[ąa]/g),
    spaces: fc.tuple(space, space, space, space),
    behind: fc.constantFrom("}", ',"meta":{}}', ', "a": 1}', "", ",", ' "'),
    damage: fc.option(
      fc.tuple(fc.nat(80), fc.constantFrom("", '"', "\\", "\\u12", "\n", "\0", "{", "/", "b")),
    ),
  })
  .map(({ text, byCode, spaces: [a, b, c, d], behind, damage }) => {
    const line = `${a}{${b}"text"${c}:${d}${literal(text, byCode)}${behind}`;
    return damage === null ? line : line.slice(0, damage[0]) + damage[1] + line.slice(damage[0] + 1);
  });

describe("in C++", { skip: nativeReaderUnavailable() ?? false }, () => {
  const native = openNativeJson() as JsonText;

  it("a text is written as JSON.stringify writes it", () => {
    for (const text of sampleTexts()) checkWriting(native, text);
    fc.assert(fc.property(mixedTexts, (text) => checkWriting(native, text)));
  });

  it("a text that begins a line is read as JSON.parse reads it, or left to it", () => {
    let read = 0;
    const check = (line: string) => {
      const bytes = Buffer.from(line); // halves of surrogate pairs become U+FFFD
      const leading = native.readLeading(bytes);
      if (leading === undefined) return;
      read += 1;
      const { text, end } = leading;
      assert.deepEqual(JSON.parse(`${bytes.toString("utf8", 0, end)}}`), { text });
    };
    fc.assert(fc.property(lines, check), { numRuns: 3000 });
    assert.ok(read > 500, `${read} of 3000 lines read`);
  });

  it("the usual lines are read, and those of another form are not", () => {
    const read = (line: string) => native.readLeading(Buffer.from(line));
    for (const text of [...sampleTexts(), "", "a", 'ą"\\/\b\f\n\r\t\u0000😀'])
      assert.deepEqual(read(JSON.stringify({ text, meta: {} })), {
        text,
        end: Buffer.byteLength(JSON.stringify({ text })) - 1,
      });
    assert.equal(read('{"text": "\\u0142\\uD83D\\ude00"}')?.text, "ł😀");
    for (const line of [
      "",
      "{",
      '{"text"',
      '{"text":',
      '{"text":"',
      '{"text":"a',
      '{"text":"a\\',
      '{"text":"\\u004',
      '{"text":"\\u004g"}',
      '{"text":"\\x"}',
      '{"text":"a\tb"}',
      '{"text":"\\ud83d"}',
      '{"text":"\\ud83d\\u0041"}',
      '{"text":"\\ude00"}',
      '{"text":["a"]}',
      '{"texts":"a"}',
      '{"meta":{},"text":"a"}',
      '\ufeff{"text":"a"}',
    ])
      assert.equal(read(line), undefined, line);
  });
});
