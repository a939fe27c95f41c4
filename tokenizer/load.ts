import { createHash } from "node:crypto";
import { join } from "node:path";
import { UserError } from "../pipeline/runtime/errors.ts";
import { exists, readText } from "../pipeline/runtime/files.ts";
import { Tokenizer } from "./node.ts";

/**
 * Loads the tokenizer of a folder.
 *
 * @param folder has a tokenizer.json
 * @returns the tokenizer and the SHA-256 of its file, which outputs made with it record
 * @throws UserError when the file is missing or damaged
 */
export async function loadTokenizer(folder: string): Promise<{ tokenizer: Tokenizer; sha256: string }> {
  const path = join(folder, "tokenizer.json");
  if (!(await exists(path))) {
    throw new UserError(
      `${path}: no such file; give the folder \`train-tokenizer\` wrote, or another with a tokenizer.json`,
    );
  }
  const text = await readText(path);
  const sha256 = createHash("sha256").update(text).digest("hex");
  try {
    return { tokenizer: Tokenizer.fromJson(text), sha256 };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.message.replace(/^tokenizer\.json/, path));
  }
}
