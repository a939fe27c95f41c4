import { LLAMA2_CHAT_TEMPLATE } from "./chat-template.ts";
import {
  type ByteLevelWords,
  DEFAULT_PRE_TOKENIZATION,
  METASPACE,
  type MetaspaceWords,
} from "./engine/pre-tokenizer.ts";
import { BOS_TOKEN, EOS_TOKEN, PAD_TOKEN, SPECIAL_TOKENS, UNK_TOKEN } from "./special-tokens.ts";
import type { BpeVocabulary } from "./training/bpe-trainer.ts";

/** How a tokenizer was trained, as far as its files say so. */
export interface TokenizerDesign {
  readonly preTokenization: MetaspaceWords | ByteLevelWords;
  /** The vocabulary has the 256 byte tokens, for characters it lacks. */
  readonly byteFallback: boolean;
  /** All special tokens in the order of their ids, from 0. */
  readonly specialTokens: readonly string[];
}

const DEFAULT_DESIGN: TokenizerDesign = {
  preTokenization: DEFAULT_PRE_TOKENIZATION,
  byteFallback: false,
  specialTokens: SPECIAL_TOKENS,
};

/**
 * The files of a tokenizer as Hugging Face's libraries read them, by name. The same vocabulary gives the same bytes.
 * `tokenizer_class` is the generic fast one: the Llama class of transformers 5 builds a pre-tokenizer of its own
 * instead of the file's.
 */
export function tokenizerFiles(
  vocabulary: BpeVocabulary,
  design: TokenizerDesign = DEFAULT_DESIGN,
): Record<string, string> {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return {
    "tokenizer.json": tokenizerJson(vocabulary, design),
    "tokenizer_config.json": pretty({
      add_bos_token: true,
      add_eos_token: false,
      added_tokens_decoder: Object.fromEntries(
        design.specialTokens.map((content, id) => [String(id), { content, ...flags, special: true }]),
      ),
      additional_special_tokens: design.specialTokens.slice(4),
      bos_token: BOS_TOKEN,
      chat_template: LLAMA2_CHAT_TEMPLATE,
      clean_up_tokenization_spaces: false,
      eos_token: EOS_TOKEN,
      model_max_length: 2048,
      pad_token: PAD_TOKEN,
      tokenizer_class: "PreTrainedTokenizerFast",
      unk_token: UNK_TOKEN,
    }),
    "special_tokens_map.json": pretty({
      additional_special_tokens: design.specialTokens.slice(4),
      bos_token: BOS_TOKEN,
      eos_token: EOS_TOKEN,
      pad_token: PAD_TOKEN,
      unk_token: UNK_TOKEN,
    }),
  };
}

/**
 * tokenizer.json, its fields in the reference's order. Vocabulary and merges are written by hand, an entry a line:
 * an object could not keep tokens like `7` in the order of their ids.
 */
function tokenizerJson({ tokens, merges }: BpeVocabulary, design: TokenizerDesign): string {
  const head = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: design.specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: preTokenizer(design),
    post_processor: {
      type: "TemplateProcessing",
      single: [special(BOS_TOKEN, 0), sequence("A", 0)],
      pair: [special(BOS_TOKEN, 0), sequence("A", 0), special(BOS_TOKEN, 1), sequence("B", 1)],
      special_tokens: {
        [BOS_TOKEN]: { id: BOS_TOKEN, ids: [design.specialTokens.indexOf(BOS_TOKEN)], tokens: [BOS_TOKEN] },
      },
    },
    decoder: decoder(design),
    model: {
      type: "BPE",
      dropout: null,
      unk_token: design.preTokenization.kind === "byte-level" ? null : UNK_TOKEN,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: design.byteFallback,
      ignore_merges: false,
    },
  };
  const vocab = tokens.map((token, id) => `      ${JSON.stringify(token)}: ${id}`);
  const pairs = merges.map((pair) => `      ${JSON.stringify(pair)}`);
  const body = `,\n    "vocab": {\n${vocab.join(",\n")}\n    },\n    "merges": [\n${pairs.join(",\n")}\n    ]\n  }\n}\n`;
  return pretty(head).replace(/\n {2}\}\n\}\n$/, () => body);
}

function preTokenizer({ preTokenization }: TokenizerDesign): object {
  const splits = preTokenization.digits === "isolated" ? [isolating("[0-9]")] : [];
  if (preTokenization.kind === "byte-level") {
    return splits.length === 0 ? BYTE_LEVEL : { type: "Sequence", pretokenizers: [...splits, BYTE_LEVEL] };
  }
  return { type: "Sequence", pretokenizers: [metaspace(preTokenization), isolating("\n+"), ...splits] };
}

function decoder({ preTokenization, byteFallback }: TokenizerDesign): object {
  if (preTokenization.kind === "byte-level") return BYTE_LEVEL;
  if (!byteFallback) return metaspace(preTokenization);
  const spaces = { type: "Replace", pattern: { String: METASPACE }, content: " " };
  return { type: "Sequence", decoders: [spaces, { type: "ByteFallback" }, { type: "Fuse" }] };
}

const metaspace = ({ prepend }: MetaspaceWords) => ({
  type: "Metaspace",
  replacement: METASPACE,
  prepend_scheme: prepend,
  split: true,
});
const isolating = (Regex: string) => ({
  type: "Split",
  pattern: { Regex },
  behavior: "Isolated",
  invert: false,
});
const BYTE_LEVEL = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
const special = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } });
const sequence = (id: string, type_id: number) => ({ Sequence: { id, type_id } });
const pretty = (value: object) => `${JSON.stringify(value, null, 2)}\n`;
