import { UserError } from "../pipeline/runtime/errors.ts";
import type { TextPiece } from "./engine/engine.ts";
import { BOS_TOKEN, EOS_TOKEN } from "./special-tokens.ts";

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/**
 * Llama-2's chat format as a Jinja template, for tokenizer_config.json. A system message becomes the head of the
 * first question. `chatPieces` is the same in TypeScript; a test holds the two
 * together with what Jinja makes of the template.
 */
export const LLAMA2_CHAT_TEMPLATE = [
  "{% if messages[0]['role'] == 'system' %}",
  "{% set system = '<<SYS>>\\n' + messages[0]['content'].strip() + '\\n<</SYS>>\\n\\n' %}",
  "{% set turns = messages[1:] %}",
  "{% else %}{% set system = '' %}{% set turns = messages %}{% endif %}",
  "{% for turn in turns %}",
  "{% if turn['role'] != ('user' if loop.index0 % 2 == 0 else 'assistant') %}",
  "{{ raise_exception('roles must alternate: user, assistant, user, …') }}{% endif %}",
  "{% if turn['role'] == 'user' %}",
  "{{ bos_token + '[INST] ' + (system if loop.first else '') + turn['content'].strip() + ' [/INST]' }}",
  "{% else %}{{ ' ' + turn['content'].strip() + ' ' + eos_token }}{% endif %}",
  "{% endfor %}",
].join("");

/**
 * A conversation in Llama-2's format, special tokens apart from text: what users wrote stays text even where it
 * spells the name of a special token.
 *
 * @throws UserError when the roles do not alternate or there is no question
 */
export function chatPieces(messages: readonly ChatMessage[]): TextPiece[] {
  const [first] = messages;
  const system = first?.role === "system" ? first.content : undefined;
  const turns = system === undefined ? messages : messages.slice(1);
  if (turns.length === 0) throw new UserError("chat: no question; give at least one message of role user");
  return turns.flatMap(({ role, content }, i): TextPiece[] => {
    const expected = i % 2 === 0 ? "user" : "assistant";
    if (role !== expected) {
      throw new UserError(
        `chat: message ${i + 1} is of role ${role}, expected ${expected}: roles must alternate`,
      );
    }
    const text = strip(content);
    if (role === "assistant") return [{ text: ` ${text} ` }, { special: EOS_TOKEN }];
    const head = i === 0 && system !== undefined ? systemPieces(system) : [{ text: " " }];
    return [
      { special: BOS_TOKEN },
      { special: "[INST]" },
      ...joined([...head, { text: `${text} ` }]),
      { special: "[/INST]" },
    ];
  });
}

function systemPieces(system: string): TextPiece[] {
  return [
    { text: " " },
    { special: "<<SYS>>" },
    { text: `\n${strip(system)}\n` },
    { special: "<</SYS>>" },
    { text: "\n\n" },
  ];
}

/** Neighbouring texts as one: a word must not be cut where two pieces meet. */
function joined(pieces: readonly TextPiece[]): TextPiece[] {
  return pieces.reduce<TextPiece[]>((done, piece) => {
    const last = done.at(-1);
    if ("text" in piece && last !== undefined && "text" in last)
      done[done.length - 1] = { text: last.text + piece.text };
    else done.push(piece);
    return done;
  }, []);
}

/** What Python's `str.strip` removes, which the template runs on: \s without U+FEFF, and four control characters more. */
const BLANK = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
/** The blanks at the end are read from their first on: from each one on, those inside a text would take their square. */
const EDGES = new RegExp(`^${BLANK}+|(?<!${BLANK})${BLANK}+$`, "g");

const strip = (text: string) => text.replace(EDGES, "");
