import { SIGN } from "../measures/signs.ts";
import { keep, type Step } from "./step.ts";

/** When a line was said: `22:15:21`, `[12:30]`, `Apr 06 22:41:25`. */
const TIME = String.raw`(?:\[?(?:\p{Lu}\p{L}{2} \d\d )?\d{1,2}:\d\d(?::\d\d)?\]?\s+)?`;
/** `<@nick> text`, as programs for IRC write it down, some with the channel behind; a nick may hold a backtick (x60). */
const TURN = new RegExp(
  String.raw`^${TIME}<[@+%~& ]?([\w[\]{}^|\x60\\-]{1,30})(?:[:/]#[\w.-]{1,30})?>\s?(.*)$`,
  "u",
);
/** The server's own lines: who came, went, was thrown out or took another name. */
const NOTICE = new RegExp(
  String.raw`^${TIME}(?:\*\*\*|-!-|!-|-:-)\s.*\b(?:joined|left|quit|parts?|known as|kicked|mode)\b.*$`,
  "iu",
);
/** Name of a channel above or below what was said in it. */
const CHANNEL = /^\s*(?:-{1,3} )?#[\w.-]{2,30}\s*$/;
/** Fewer turns may be quoted in a text of another kind. */
const MIN_TURNS = 3;
/** Share of the lines that must be turns. */
const MIN_SHARE = 0.4;

/**
 * Writes the log of a chat as dialogue: a dash before each turn, without times, names and the server's notices. Lines
 * that one speaker sent one after the other stay one turn.
 */
export const chatLog: Step = {
  name: "chat-log",
  version: 2,
  addsNoSigns: true,
  create: () => (text, measures) =>
    keep(measures.has(SIGN.tag) && /<.{1,32}>/.test(text) ? asDialogue(text) : text),
};

function asDialogue(text: string): string {
  const lines = text.split("\n");
  const turns = lines.filter((line) => TURN.test(line)).length;
  const filled = lines.filter((line) => line.trim() !== "").length;
  if (turns < MIN_TURNS || turns < filled * MIN_SHARE) return text;
  const dialogue: string[] = [];
  let speaker: string | undefined;
  for (const line of lines) {
    const [, name, said = ""] = TURN.exec(line) ?? [];
    if (name === undefined) {
      if (NOTICE.test(line) || CHANNEL.test(line)) continue;
      dialogue.push(line);
      speaker = undefined;
    } else if (said.trim() !== "") {
      dialogue.push(name === speaker ? said : `— ${said}`);
      speaker = name;
    }
  }
  return dialogue.join("\n");
}
