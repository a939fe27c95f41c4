import type { AddedToken, BpeTokenizerJson, Component } from "../tokenizer-json.ts";
import type { DecoderStyle } from "./decoder.ts";
import { METASPACE, type PrependScheme, type PreTokenization } from "./pre-tokenizer.ts";

/** A part of tokenizer.json, not looked into yet. */
interface Fields {
  readonly type?: unknown;
  readonly pattern?: unknown;
  readonly [field: string]: unknown;
}

/** How our own engine runs a tokenizer.json. */
export interface NativePlan {
  readonly preTokenization: PreTokenization;
  readonly decoderStyle: DecoderStyle;
}

/**
 * How our own engine would run this tokenizer, or undefined when some part of it is one we do not implement to the
 * letter: then another engine has to take it. What decides about ids or text is matched exactly, field by field.
 */
export function planNative(json: BpeTokenizerJson): NativePlan | undefined {
  const preTokenization = readPreTokenizer(json.pre_tokenizer);
  const decoderStyle = readDecoder(json.decoder);
  if (json.normalizer || preTokenization === undefined || decoderStyle === undefined) return undefined;
  return isPlainModel(json.model) && json.added_tokens.every(isPlainSpecial)
    ? { preTokenization, decoderStyle }
    : undefined;
}

function isPlainModel(model: BpeTokenizerJson["model"]): boolean {
  return (
    !model.dropout &&
    !model.continuing_subword_prefix &&
    !model.end_of_word_suffix &&
    model.vocab.has(METASPACE) &&
    (!model.unk_token || model.vocab.has(model.unk_token))
  );
}

/** Special, found in the raw text, and leaving the text around it alone. */
function isPlainSpecial(token: AddedToken): boolean {
  return token.special && !token.normalized && !token.single_word && !token.lstrip && !token.rstrip;
}

/** `Metaspace`, or `Sequence[Metaspace, Split(Regex "\n+", Isolated)]`. */
function readPreTokenizer(component: Component): PreTokenization | undefined {
  if (!component) return undefined;
  if (component.type === "Metaspace") {
    const prepend = readMetaspace(component);
    return prepend && { prepend, newlines: "joined" };
  }
  const [metaspace, split, ...more] = parts(component, "pretokenizers");
  if (metaspace?.type !== "Metaspace" || split?.type !== "Split" || more.length > 0) return undefined;
  const prepend = readMetaspace(metaspace);
  const pattern = split.pattern;
  const isNewlines = isObject(pattern) && pattern.Regex === "\n+";
  if (!isNewlines || split.behavior !== "Isolated" || split.invert === true) return undefined;
  return prepend && { prepend, newlines: "isolated" };
}

function readMetaspace(component: Fields): PrependScheme | undefined {
  const { replacement, prepend_scheme: scheme, split } = component;
  if (replacement !== METASPACE || split === false) return undefined;
  return scheme === "always" || scheme === "first" || scheme === "never" ? scheme : undefined;
}

/** `Metaspace`, or Llama's `Sequence[Replace(▁ → space), ByteFallback, Fuse, Strip(space, 1, 0)]`. */
function readDecoder(component: Component): DecoderStyle | undefined {
  if (!component) return undefined;
  if (component.type === "Metaspace") {
    const scheme = readMetaspace(component);
    return scheme && { byteFallback: false, dropped: scheme === "never" ? "nothing" : "first-metaspace" };
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
    strip?.type === "Strip" &&
    strip.content === " " &&
    strip.start === 1 &&
    strip.stop === 0 &&
    more.length === 0;
  return isLlama ? { byteFallback: true, dropped: "one-space" } : undefined;
}

function parts(component: Fields, key: string): Fields[] {
  const list = component.type === "Sequence" ? component[key] : undefined;
  return Array.isArray(list) ? list.filter(isObject) : [];
}

function isObject(value: unknown): value is Fields {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
