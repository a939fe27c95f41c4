import { SIGN } from "../measures/signs.ts";
import type { TextMeasures } from "../measures/text-measures.ts";
import { keep, type Step } from "./step.ts";

/** When a line was said: `22:15:21`, `[12:30]`, `[10:40.28]`, `Apr 06 22:41:25`, `gru 10 21:59:30`. */
const CLOCK = String.raw`(?:\p{L}{3} \d\d )?\d{1,2}:\d\d(?:[:.]\d\d)?`;
const TIME = String.raw`(?:\[?${CLOCK}\]?\s+)?`;
/** The name of one who speaks, with the sign of a rank; it may hold a backtick (x60). */
const NICK = String.raw`[@+%~& ]?([\w[\]{}^|\x60\\-]{1,30})`;
/** `<@nick> text`, as programs for IRC write it down, some with the channel behind; `(@nick): text`; `[nick(host)] text`; `(12:30:15) nick: text`. */
const TURN = new RegExp(
  String.raw`^(?:${TIME}(?:<${NICK}(?:[:/]#[\w.-]{1,30})?>:?|\(${NICK}\):|\[${NICK}\([^()\s]{1,60}\)\])|\(${CLOCK}\) ?${NICK}:)\s?`,
  "u",
);
/** The server's own lines: who came, went, was thrown out or took another name. */
const NOTICE = new RegExp(
  String.raw`^${TIME}(?:(?:\*\*\*|-!-|!-|-:-|<--|-->|>>|\.\.\.)\s.*\b(?:join|joined|left|quit|parts?|known as|kicked|mode|topic)\b|SignOff\s).*$`,
  "iu",
);
/** The same behind whatever letters a program's ornament has become: BitchX's stands as `ůíů` in most archives. */
const SURE_NOTICE = new RegExp(
  String.raw`^${TIME}\S{1,4}\s(?:SignOff |Topic |mode/#|.*(?:has (?:joined|left|quit)|is now known as|was kicked|changed the topic)\b)`,
  "u",
);
/** BitchX's action with its channel: a letter that was an ornament, `JmsBLoNd/#argante jest blondynem`. */
const CHANNEL_ACTION = /^\S{1,3} ([\w[\]{}^|\x60\\-]{1,30})\/#[\w.-]{1,30} (?=\S)/u;
/** What one does instead of speaking: `* nick idzie spac`. */
const ACTION = new RegExp(String.raw`^(?:\[?${CLOCK}\]?(?=\s))?\s*\* \S`, "u");
/** The rest of a turn that was too long for its line stands below it, indented. */
const CONTINUATION = /^\s{2,}\S|^\t\s*\S/;
/** Name of a channel above or below what was said in it. */
const CHANNEL = /^\s*(?:-{1,3} )?#[\w.-]{2,30}\s*$/;
/** A server's line has 512 bytes (RFC 2812 §2.3); a pattern with `.*` does not get through one of 8 MB. */
const MAX_NOTICE = 2000;
/** Fewer turns may be quoted in a text of another kind. */
const MIN_TURNS = 3;
/** Share of the lines that must be turns, lines of the other kinds above left out of account. */
const MIN_SHARE = 0.4;

/**
 * Writes the log of a chat as dialogue: a dash before each turn, without times, names and the server's notices. Lines
 * that one speaker sent one after the other stay one turn.
 */
export const chatLog: Step = {
  name: "chat-log",
  version: 4,
  addsNoSigns: true,
  create: () => (text, measures) => keep(mayBeLog(text, measures) ? asDialogue(text) : text),
};

/** What stands before `):`, with the line end before. */
const NICK_START = /[\n\r\u2028\u2029](?:.{0,20}\s)?\([^()\s]{1,31}$/;
const LONGEST_NICK_START = 54;

/** A log's first turns stand at its beginning. */
const BEGINNING = 400;

const mayBeLog = (text: string, measures: TextMeasures) =>
  (measures.has(SIGN.tag) && /<.{1,32}>/.test(text)) ||
  /\(\d{1,2}:\d\d(?:[:.]\d\d)?\) ?\S{1,31}: /.test(text.slice(0, BEGINNING)) ||
  hasBracketedNick(text) ||
  (text.includes(")] ") && /^(?:.{0,20}\s)?\[[^()\s]{1,31}\([^()\s]{1,60}\)\]/m.test(text));

/** Whether a line begins with a name in brackets and a colon, at most twenty signs before it. */
function hasBracketedNick(text: string): boolean {
  // sought from its end, which is rare: what may begin so does at every line
  for (let at = text.indexOf("):"); at >= 0; at = text.indexOf("):", at + 1)) {
    const start = Math.max(0, at - LONGEST_NICK_START);
    if (NICK_START.test((start === 0 ? "\n" : "") + text.slice(start, at))) return true;
  }
  return false;
}

const isNotice = (line: string) =>
  line.length <= MAX_NOTICE && (NOTICE.test(line) || SURE_NOTICE.test(line) || CHANNEL.test(line));

function asDialogue(text: string): string {
  const lines = text.split("\n");
  let turns = 0;
  for (const line of lines) if (TURN.test(line)) turns += 1;
  if (turns < MIN_TURNS) return text;
  const dialogue: string[] = [];
  let others = 0;
  let speaker: string | undefined;
  let isContinued = false;
  for (const line of lines) {
    const turn = TURN.exec(line);
    if (turn !== null) {
      const name = turn[1] ?? turn[2] ?? turn[3] ?? turn[4];
      const said = line.slice(turn[0].length);
      if (said.trim() === "") continue;
      dialogue.push(name === speaker ? said : `— ${said}`);
      speaker = name;
      isContinued = false;
    } else if (isNotice(line)) {
      // goes
    } else if (speaker !== undefined && CONTINUATION.test(line) && dialogue.length > 0) {
      const turn = dialogue.pop() as string;
      // what was put together is not read again: with each of many lines, the whole turn would be copied
      dialogue.push(`${isContinued ? turn : turn.trimEnd()} ${line.trim()}`);
      isContinued = true;
    } else {
      const action = line.replace(CHANNEL_ACTION, "$1 ");
      if (line.trim() !== "" && action === line && !ACTION.test(line)) others += 1;
      dialogue.push(action);
      speaker = undefined;
    }
  }
  return turns < (turns + others) * MIN_SHARE ? text : dialogue.join("\n");
}
