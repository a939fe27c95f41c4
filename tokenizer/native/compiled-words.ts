import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { BpeTables } from "../engine/bpe-model.ts";
import type { TokenIds } from "../engine/token-ids.ts";
import type { MakeWordEncoder } from "../engine/word-encoder.ts";

declare const handleBrand: unique symbol;
interface Handle {
  readonly [handleBrand]: true;
}

interface EncoderOptions extends BpeTables {
  readonly isolateNewlines: boolean;
  readonly isolateDigits: boolean;
  readonly wide: boolean;
  readonly cachedWords: number;
}

/** What tokenizer/native/addon.cpp exports. */
interface Addon {
  create(options: EncoderOptions): Handle;
  encode(encoder: Handle, bytes: Uint8Array, start: number, end: number, ids: TokenIds, at: number): number;
}

const prebuilt = `prebuilds/${process.platform}-${process.arch}/tokenizer.node`;

/** Where bin/native/build.mjs leaves the addon, then prebuilt ones: seen from the sources, and from the package's dist/. */
const places = [
  "build/tokenizer.node",
  "../../../tokenizer/native/build/tokenizer.node",
  `../../${prebuilt}`,
  `../../../${prebuilt}`,
];

/**
 * The encoder in C++, for words of the kind that `train-tokenizer` trains with; undefined for others, and where the addon
 * was not compiled.
 */
export const makeCompiledWordEncoder: MakeWordEncoder = ({ model, preTokenization, wide, cachedWords }) => {
  if (preTokenization.kind !== "metaspace" || preTokenization.spaces !== "each") return undefined;
  const tables = model.tables();
  const addon = openAddon();
  if (tables === undefined || addon === undefined) return undefined;
  const encoder = addon.create({
    ...tables,
    isolateNewlines: preTokenization.newlines === "isolated",
    isolateDigits: preTokenization.digits === "isolated",
    wide,
    cachedWords,
  });
  return { encode: ({ bytes }, start, end, ids, at) => addon.encode(encoder, bytes, start, end, ids, at) };
};

let opened: { readonly addon: Addon | undefined } | undefined;

function openAddon(): Addon | undefined {
  if (opened === undefined) {
    const path = places.map((place) => fileURLToPath(new URL(place, import.meta.url))).find(existsSync);
    opened = { addon: path === undefined ? undefined : createRequire(import.meta.url)(path) };
  }
  return opened.addon;
}
