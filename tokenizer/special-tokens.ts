/**
 * The special tokens of APT3 in the order of their ids, 0–7: unknown, beginning and end of a text, padding, and the
 * marks of Llama-2's chat format.
 */
export const SPECIAL_TOKENS = [
  "<unk>",
  "<s>",
  "</s>",
  "<pad>",
  "[INST]",
  "[/INST]",
  "<<SYS>>",
  "<</SYS>>",
] as const;

export const UNK_TOKEN = "<unk>";
export const BOS_TOKEN = "<s>";
export const EOS_TOKEN = "</s>";
export const PAD_TOKEN = "<pad>";
