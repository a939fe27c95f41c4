import { LLAMA2_CHAT_TEMPLATE } from "./chat-template.ts";
import { METASPACE } from "./engine/pre-tokenizer.ts";
import { BOS_TOKEN, EOS_TOKEN, PAD_TOKEN, SPECIAL_TOKENS, UNK_TOKEN } from "./special-tokens.ts";
import type { BpeVocabulary } from "./training/bpe-trainer.ts";

const metaspace = { type: "Metaspace", replacement: METASPACE, prepend_scheme: "first", split: true };

/**
 * The files of a tokenizer as Hugging Face's libraries read them, by name. The same vocabulary gives the same bytes.
 * `tokenizer_class` is the generic fast one: the Llama class of transformers 5 builds a pre-tokenizer of its own
 * instead of the file's.
 */
export function tokenizerFiles(vocabulary: BpeVocabulary): Record<string, string> {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return {
    "tokenizer.json": tokenizerJson(vocabulary),
    "tokenizer_config.json": pretty({
      add_bos_token: true,
      add_eos_token: false,
      added_tokens_decoder: Object.fromEntries(
        SPECIAL_TOKENS.map((content, id) => [String(id), { content, ...flags, special: true }]),
      ),
      additional_special_tokens: SPECIAL_TOKENS.slice(4),
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
      additional_special_tokens: SPECIAL_TOKENS.slice(4),
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
function tokenizerJson({ tokens, merges }: BpeVocabulary): string {
  const head = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: SPECIAL_TOKENS.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        metaspace,
        { type: "Split", pattern: { Regex: "\n+" }, behavior: "Isolated", invert: false },
      ],
    },
    post_processor: {
      type: "TemplateProcessing",
      single: [special(BOS_TOKEN, 0), sequence("A", 0)],
      pair: [special(BOS_TOKEN, 0), sequence("A", 0), special(BOS_TOKEN, 1), sequence("B", 1)],
      special_tokens: {
        [BOS_TOKEN]: { id: BOS_TOKEN, ids: [SPECIAL_TOKENS.indexOf(BOS_TOKEN)], tokens: [BOS_TOKEN] },
      },
    },
    decoder: metaspace,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: UNK_TOKEN,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: false,
      ignore_merges: false,
    },
  };
  const vocab = tokens.map((token, id) => `      ${JSON.stringify(token)}: ${id}`);
  const pairs = merges.map((pair) => `      ${JSON.stringify(pair)}`);
  const body = `,\n    "vocab": {\n${vocab.join(",\n")}\n    },\n    "merges": [\n${pairs.join(",\n")}\n    ]\n  }\n}\n`;
  return pretty(head).replace(/\n {2}\}\n\}\n$/, () => body);
}

const special = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } });
const sequence = (id: string, type_id: number) => ({ Sequence: { id, type_id } });
const pretty = (value: object) => `${JSON.stringify(value, null, 2)}\n`;
