/** The public API `apt3/tokenizer` in Node: the same, with a compiled encoder where there is one. */
import { makeNativeEncoder } from "./native/native-encoder.ts";
import { Tokenizer as PortableTokenizer } from "./tokenizer.ts";

export type {
  ChatMessage,
  DecodeOptions,
  EncodeOptions,
  Encoding,
  TextStream,
  TokenIds,
} from "./index.ts";

export interface LoadOptions {
  /** Use the compiled encoder where it was built and knows the tokenizer's design. Default true. */
  readonly native?: boolean;
}

export class Tokenizer extends PortableTokenizer {
  /**
   * @param json the text of a tokenizer.json, or the value parsed from it
   * @throws UserError when it is damaged
   */
  static override fromJson(json: string | object, { native = true }: LoadOptions = {}): Tokenizer {
    return new Tokenizer(json, native ? makeNativeEncoder : undefined);
  }
}
