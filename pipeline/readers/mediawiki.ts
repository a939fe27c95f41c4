import { SaxesParser } from "saxes";
import { CorruptInput } from "./corrupt-input.ts";
import { documentLine, droppedLine } from "./json-line.ts";

/** What is parsed at a time, so that few pages wait to be handed on. */
const SLICE_BYTES = 1 << 18;
/** More than this without a tag, or this deep, and it is no dump but an attack. The longest page has 2 MB. */
const MAX_RUN = 1 << 26;
const MAX_DEPTH = 32;

const DISAMBIGUATION =
  /__DISAMBIG__|\{\{\s*(?:ujednoznacznienie|ujedn|disambig(?:uation)?|strona ujednoznaczniająca)\s*(?:\||\}\})/i;

interface Page {
  title: string;
  namespace: string;
  model: string;
  text: string;
  isRedirect: boolean;
}

/**
 * The articles of a MediaWiki XML dump (`pages-articles`) as JSON lines in the Speakleash form: the wikitext,
 * which a cleaning step turns into text, with title and address. Pages of other name spaces, redirects and
 * disambiguations are passed on as dropped. Of a dump with history the last revision counts.
 *
 * @throws CorruptInput when the XML is damaged or cut off, or no such dump
 */
export async function* readMediaWiki(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const lines: Buffer[] = [];
  const dump = createDumpParser((line) => lines.push(line));
  // invalid UTF-8 becomes U+FFFD, by which the cleaning step `unicode` knows texts that lost characters
  const decoder = new TextDecoder();
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      dump.write(decoder.decode(chunk.subarray(at, at + SLICE_BYTES), { stream: true }));
      yield* lines.splice(0);
    }
  }
  dump.write(decoder.decode());
  dump.close();
  yield* lines.splice(0);
}

function createDumpParser(emit: (line: Buffer) => void): { write(text: string): void; close(): void } {
  const parser = new SaxesParser({ position: false });
  const path: string[] = [];
  let page: Page | undefined;
  let base = "";
  let characters = 0;
  /** Characters since the last tag or text: what the parser is holding. */
  let held = 0;

  parser.on("error", ({ message }) => {
    throw new CorruptInput(`damaged XML about character ${characters} (${message})`);
  });
  parser.on("opentag", ({ name }) => {
    held = 0;
    if (path.length === 0 && name !== "mediawiki")
      throw new CorruptInput(`no MediaWiki dump: its XML begins with <${name.slice(0, 50)}>`);
    if (path.length >= MAX_DEPTH)
      throw new CorruptInput(`XML nested more than ${MAX_DEPTH} deep about character ${characters}`);
    path.push(name);
    if (name === "page") page = { title: "", namespace: "", model: "wikitext", text: "", isRedirect: false };
    if (name === "redirect" && page !== undefined) page.isRedirect = true;
  });
  parser.on("text", (text) => {
    held = 0;
    const name = path.at(-1);
    if (name === "base") base = text;
    if (page === undefined) return;
    if (name === "title") page.title = text;
    else if (name === "ns") page.namespace = text;
    else if (name === "model") page.model = text;
    else if (name === "text") page.text = text;
  });
  parser.on("closetag", ({ name }) => {
    held = 0;
    path.pop();
    if (name !== "page" || page === undefined) return;
    emit(toLine(page, base));
    page = undefined;
  });
  return {
    write(text) {
      characters += text.length;
      held += text.length;
      parser.write(text);
      if (held > MAX_RUN)
        throw new CorruptInput(`no tag for ${held} characters about character ${characters}`);
    },
    close: () => void parser.close(),
  };
}

function toLine({ title, namespace, model, text, isRedirect }: Page, base: string): Buffer {
  const meta = { title, url: addressOf(title, base) };
  if (namespace !== "0") return droppedLine("other-namespace", meta);
  if (isRedirect) return droppedLine("redirect", meta);
  if (model !== "wikitext") return droppedLine("not-wikitext", meta);
  if (DISAMBIGUATION.test(text)) return droppedLine("disambiguation", meta);
  return documentLine(text, meta);
}

/** The page's address, in the style of the main page's that the dump states. */
function addressOf(title: string, base: string): string | undefined {
  const folder = /^https?:\/\/[^/]+\/(?:wiki\/)?/.exec(base)?.[0];
  return folder === undefined ? undefined : folder + encodeURI(title.toWellFormed().replaceAll(" ", "_"));
}
