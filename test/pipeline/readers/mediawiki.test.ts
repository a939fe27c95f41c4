import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openDocuments } from "../../../pipeline/readers/documents.ts";
import { readMediaWiki } from "../../../pipeline/readers/mediawiki.ts";
import { parseRecord } from "../../../pipeline/readers/record.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/pipeline/${name}`, import.meta.url));
async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
const parse = async (lines: AsyncIterable<Uint8Array>) =>
  (await Array.fromAsync(lines)).map((line) => parseRecord(line.subarray(0, -1)));

test("articles come with title and address; all other pages are dropped by reason", async () => {
  const expected = [
    {
      ok: true,
      record: {
        text: "'''Żółw''' – [[gad]] < ślimak.\n\n== Opis ==\nMa pancerz.\n[[Kategoria:Gady]]",
        url: "https://pl.wikipedia.org/wiki/%C5%BB%C3%B3%C5%82w_&_%C5%9Blimak",
        title: "Żółw & ślimak",
        label: undefined,
      },
    },
    { ok: false, reason: "redirect" },
    { ok: false, reason: "disambiguation" },
    { ok: false, reason: "other-namespace" },
    { ok: false, reason: "not-wikitext" },
    {
      ok: true,
      record: {
        text: "'''Puchacz''' – [[ptak]] z rodziny [[puszczykowate|puszczykowatych]].\n[[Kategoria:Sowy]]",
        url: "https://pl.wikipedia.org/wiki/Puchacz",
        title: "Puchacz",
        label: undefined,
      },
    },
  ];
  for (const name of ["dump.xml", "dump.xml.bz2", "multistream.xml.bz2"]) {
    const format = name.endsWith(".bz2") ? "xml.bz2" : "xml";
    const documents = openDocuments(fixture(name), format, { textColumn: "text" });
    assert.deepEqual(await parse(documents), expected, name);
  }
});

test("what is damaged, cut off, no dump or an attack is refused", async () => {
  const page = "<page><title>A</title><ns>0</ns><revision><text>a</text></revision></page>";
  const cases: [xml: string, message: RegExp][] = [
    [`<mediawiki>${page}`, /damaged XML about character \d+ \(.*unclosed tag: mediawiki/],
    [`<mediawiki>${page.replace("</text>", "</tekst>")}</mediawiki>`, /damaged XML/],
    ["<html></html>", /no MediaWiki dump: its XML begins with <html>/],
    ["", /damaged XML/],
    [`<mediawiki>${"<a>".repeat(1000)}`, /nested more than 32 deep/],
    [`<!DOCTYPE mediawiki [<!ENTITY a "aaaa">]><mediawiki>&a;</mediawiki>`, /damaged XML/],
    [`<mediawiki>${"a".repeat(70_000_000)}`, /no tag for \d+ characters/],
  ];
  for (const [xml, message] of cases) {
    await assert.rejects(Array.fromAsync(readMediaWiki(once(xml))), message, xml.slice(0, 60));
  }
});
