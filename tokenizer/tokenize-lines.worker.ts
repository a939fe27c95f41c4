import { workerData } from "piscina";
import { workerTask } from "../pipeline/runtime/workers.ts";
import { loadTokenizer } from "./load.ts";
import { showTokens } from "./show-tokens.ts";
import type { TokenizeLinesData, TokenizeLinesResult, TokenizeLinesTask } from "./tokenize-lines.ts";

const { tokenizer: folder, field, show, parseSpecials }: TokenizeLinesData = workerData;
const { tokenizer } = await loadTokenizer(folder);
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Tokenizes the lines of a block, each to one line of JSON. */
export default workerTask(({ bytes, firstLine }: TokenizeLinesTask): TokenizeLinesResult => {
  const lines: string[] = [];
  const result = { documents: 0, tokens: 0, rejected: 0 };
  let number = firstLine;
  for (let start = 0; start < bytes.length; number++) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline;
    const text = readField(bytes.subarray(start, end));
    start = end + 1;
    if (text === undefined) {
      result.rejected += 1;
      lines.push(
        JSON.stringify({ error: `line ${number}: no JSON object with a string ${JSON.stringify(field)}` }),
      );
      continue;
    }
    const ids = tokenizer.encode(text, { parseSpecials });
    result.documents += 1;
    result.tokens += ids.length;
    if (show === "count") lines.push(`{"count":${ids.length}}`);
    else if (show === "ids") lines.push(`{"ids":[${ids.join(",")}]}`);
    else lines.push(JSON.stringify({ tokens: showTokens(tokenizer, ids) }));
  }
  return { ...result, output: lines.length === 0 ? "" : `${lines.join("\n")}\n` };
});

function readField(line: Uint8Array): string | undefined {
  try {
    const value: unknown = JSON.parse(utf8.decode(line));
    const text: unknown = value !== null && typeof value === "object" ? Reflect.get(value, field) : undefined;
    return typeof text === "string" ? text : undefined;
  } catch {
    return undefined; // not UTF-8 or not JSON
  }
}
