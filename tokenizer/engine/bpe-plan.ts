import type { AddedToken, BpeTokenizerJson, Component } from "../tokenizer-json.ts";
import { BYTE_LETTERS } from "./byte-level.ts";
import type { DecoderStyle } from "./decoder.ts";
import {
  type ByteLevelWords,
  type Digits,
  METASPACE,
  type MetaspaceWords,
  type PrependScheme,
  type PreTokenization,
} from "./pre-tokenizer.ts";
import { SPLIT_REGEXES, type SplitPattern } from "./split-pattern.ts";

/** A part of tokenizer.json, not looked into yet. */
interface Fields {
  readonly type?: unknown;
  readonly pattern?: unknown;
  readonly [field: string]: unknown;
}

/** Form a text is brought to before anything else. */
export type UnicodeForm = "NFC" | "NFKC";

/** How our own engine runs a tokenizer.json. */
export interface BpePlan {
  readonly unicodeForm: UnicodeForm | undefined;
  readonly preTokenization: PreTokenization;
  readonly decoderStyle: DecoderStyle;
}

/** What the normalizer does: to the characters, and to spaces (Llama's `Prepend` and `Replace`). */
interface Normalization {
  readonly unicodeForm: UnicodeForm | undefined;
  readonly prepends: boolean;
  readonly replacesSpaces: boolean;
}

/**
 * How our own engine would run this tokenizer, or undefined when some part of it is one we do not implement to the
 * letter: then another engine has to take it. What decides about ids or text is matched exactly, field by field.
 */
export function planBpe(json: BpeTokenizerJson): BpePlan | undefined {
  const normalization = readNormalizer(json.normalizer);
  if (normalization === undefined || !isPlainModel(json.model)) return undefined;
  const preTokenization = readPreTokenization(json, normalization);
  const decoderStyle = readDecoder(json.decoder);
  if (preTokenization === undefined || decoderStyle === undefined) return undefined;
  if (!json.added_tokens.every((token) => isPlainSpecial(token, !json.normalizer))) return undefined;
  if (!hasNeededTokens(json.model, preTokenization)) return undefined;
  return { unicodeForm: normalization.unicodeForm, preTokenization, decoderStyle };
}

function isPlainModel(model: BpeTokenizerJson["model"]): boolean {
  return (
    !model.continuing_subword_prefix &&
    !model.end_of_word_suffix &&
    (!model.unk_token || model.vocab.has(model.unk_token))
  );
}

/** Special, found in the raw text, and leaving the text around it alone. */
function isPlainSpecial(token: AddedToken, isRawText: boolean): boolean {
  const isFoundInRawText = isRawText || !token.normalized;
  return token.special && isFoundInRawText && !token.single_word && !token.lstrip && !token.rstrip;
}

/** Words of bytes need all 256 letters, words of characters the "▁": without it, runs of unknown ones would cross words. */
function hasNeededTokens({ vocab }: BpeTokenizerJson["model"], { kind }: PreTokenization): boolean {
  return kind === "metaspace" ? vocab.has(METASPACE) : BYTE_LETTERS.every((letter) => vocab.has(letter));
}

/** None, `NFC`, `NFKC`, `Prepend(▁)`, `Replace(space → ▁)`, or a sequence of these, characters before spaces. */
function readNormalizer(component: Component): Normalization | undefined {
  const steps = !component
    ? []
    : component.type === "Sequence"
      ? parts(component, "normalizers")
      : [component];
  let unicodeForm: UnicodeForm | undefined;
  let prepends = false;
  let replacesSpaces = false;
  for (const step of steps) {
    const { type, pattern } = step as Fields;
    const isFirst = unicodeForm === undefined && !prepends && !replacesSpaces;
    if ((type === "NFC" || type === "NFKC") && isFirst) unicodeForm = type;
    else if (type === "Prepend" && step.prepend === METASPACE && !prepends && !replacesSpaces)
      prepends = true;
    else if (
      type === "Replace" &&
      isObject(pattern) &&
      pattern.String === " " &&
      step.content === METASPACE &&
      !replacesSpaces
    ) {
      replacesSpaces = true;
    } else return undefined;
  }
  return prepends && !replacesSpaces ? undefined : { unicodeForm, prepends, replacesSpaces };
}

function readPreTokenization(
  { pre_tokenizer: component, model }: BpeTokenizerJson,
  { prepends, replacesSpaces }: Normalization,
): PreTokenization | undefined {
  const steps = !component
    ? []
    : component.type === "Sequence"
      ? parts(component, "pretokenizers")
      : [component];
  if (replacesSpaces) {
    if (steps.length > 0) return undefined;
    return wholeText(prepends ? "forced" : "never", model);
  }
  const [first, ...others] = steps as Fields[];
  if (first?.type === "Metaspace") return readMetaspaceWords(first, others, model);
  return readByteLevelWords(steps as Fields[]);
}

/**
 * The whole text as one word. As long as no merge reaches over the beginning of a run of spaces, cutting there
 * changes nothing, and short words can be looked up.
 */
function wholeText(prepend: PrependScheme, { merges }: BpeTokenizerJson["model"]): MetaspaceWords {
  const crosses = merges.some(([left, right]) => /[^▁]▁/u.test(left + right));
  return {
    kind: "metaspace",
    prepend,
    newlines: "joined",
    spaces: crosses ? "joined" : "runs",
    digits: "joined",
  };
}

/** `Metaspace`, then perhaps `Split(Regex "\n+", Isolated)`, then perhaps `Split(Regex "[0-9]", Isolated)`. */
function readMetaspaceWords(
  metaspace: Fields,
  others: readonly Fields[],
  model: BpeTokenizerJson["model"],
): MetaspaceWords | undefined {
  const { replacement, prepend_scheme: scheme, split } = metaspace;
  if (replacement !== METASPACE) return undefined;
  if (scheme !== "always" && scheme !== "first" && scheme !== "never") return undefined;
  if (split === false) return others.length === 0 ? wholeText(scheme, model) : undefined;
  const patterns = others.map(readIsolatingSplit);
  const newlines = patterns[0] === "\n+" ? "isolated" : "joined";
  const rest = newlines === "isolated" ? patterns.slice(1) : patterns;
  const digits = readDigits(rest);
  return digits && { kind: "metaspace", prepend: scheme, newlines, spaces: "each", digits };
}

/** `ByteLevel`, or a split by one of our patterns and then `ByteLevel` without one; digits may be split off first. */
function readByteLevelWords(steps: readonly Fields[]): ByteLevelWords | undefined {
  const last = steps.at(-1);
  if (last?.type !== "ByteLevel") return undefined;
  const splits = steps.slice(0, -1).map(readIsolatingSplit);
  const prepend = last.add_prefix_space === true ? "always" : "never";
  if (last.use_regex !== false) {
    const digits = readDigits(splits);
    if (digits === undefined || (prepend === "always" && splits.length > 0)) return undefined;
    return { kind: "byte-level", pattern: "gpt2", prepend, digits };
  }
  const pattern = patternNamed(splits.at(-1));
  if (prepend === "always") return undefined; // each word would get a space of its own
  const digits = readDigits(splits.slice(0, -1));
  return pattern && digits && { kind: "byte-level", pattern, prepend, digits };
}

function patternNamed(regex: string | undefined): SplitPattern | undefined {
  const names = ["gpt2", "llama3", "qwen2"] as const;
  return names.find((name) => SPLIT_REGEXES[name] === regex);
}

/** Whether what is left of the splits is nothing or the one that isolates digits. */
function readDigits(patterns: readonly (string | undefined)[]): Digits | undefined {
  if (patterns.length === 0) return "joined";
  return patterns.length === 1 && patterns[0] === "[0-9]" ? "isolated" : undefined;
}

/** The regular expression of a `Split` that isolates what it finds; empty for anything else, which matches none of ours. */
function readIsolatingSplit({ type, pattern, behavior, invert }: Fields): string {
  const isPlain = type === "Split" && behavior === "Isolated" && invert !== true;
  return isPlain && isObject(pattern) && typeof pattern.Regex === "string" ? pattern.Regex : "";
}

/** `Metaspace`, `ByteLevel`, or Llama's `Sequence[Replace(▁ → space), ByteFallback, Fuse]` with or without `Strip(space, 1, 0)`. */
function readDecoder(component: Component): DecoderStyle | undefined {
  if (!component) return undefined;
  if (component.type === "ByteLevel") return { kind: "byte-level" };
  if (component.type === "Metaspace") {
    const { replacement, prepend_scheme: scheme } = component as Fields;
    if (replacement !== METASPACE) return undefined;
    if (scheme === "never") return { kind: "metaspace", byteFallback: false, dropped: "nothing" };
    const isKnown = scheme === "always" || scheme === "first";
    return isKnown ? { kind: "metaspace", byteFallback: false, dropped: "first-metaspace" } : undefined;
  }
  const [replace, byteFallback, fuse, strip, ...more] = parts(component, "decoders");
  const pattern = replace?.pattern;
  const isLlama =
    replace?.type === "Replace" &&
    isObject(pattern) &&
    pattern.String === METASPACE &&
    replace.content === " " &&
    byteFallback?.type === "ByteFallback" &&
    fuse?.type === "Fuse" &&
    more.length === 0;
  if (!isLlama) return undefined;
  if (strip === undefined) return { kind: "metaspace", byteFallback: true, dropped: "nothing" };
  const isOneSpace = strip.type === "Strip" && strip.content === " " && strip.start === 1 && strip.stop === 0;
  return isOneSpace ? { kind: "metaspace", byteFallback: true, dropped: "one-space" } : undefined;
}

function parts(component: Fields, key: string): Fields[] {
  const list = component.type === "Sequence" ? component[key] : undefined;
  return Array.isArray(list) ? list.filter(isObject) : [];
}

function isObject(value: unknown): value is Fields {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
