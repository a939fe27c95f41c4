import xxhash from "xxhash-wasm";

/**
 * The rule that keeps documents out of training, so that a tokenizer can be measured on text it has not seen. It
 * looks at the document alone: the same ones are held out whatever the order of files or the number of workers.
 * It is the rule `pack` takes validation documents by, so with equal shares these are the same documents.
 *
 * @param share of documents to hold out, 0 to 1
 * @returns whether a text, in UTF-8, is held out
 */
export async function heldOutRule(share: number): Promise<(text: Uint8Array) => boolean> {
  const { h32Raw } = await xxhash();
  return (text) => h32Raw(text) < share * 2 ** 32;
}
