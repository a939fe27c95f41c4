import type { TokenIds } from "./engine/token-ids.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Tokens on one line, a space between them; control characters and the like as in JSON, so that they can be seen. */
export function showTokens(tokenizer: Tokenizer, ids: TokenIds): string {
  return Array.from(ids, (id) =>
    tokenizer.token(id).replace(/[\p{C}\p{Z}]/gu, (character) => {
      const escaped = JSON.stringify(character).slice(1, -1);
      return escaped === character ? `\\u{${character.codePointAt(0)?.toString(16)}}` : escaped;
    }),
  ).join(" ");
}
