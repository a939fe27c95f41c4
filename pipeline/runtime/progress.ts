import cliProgress from "cli-progress";
import { formatBytes, formatCount, formatDuration } from "./sizes.ts";

/** One piece of long work, as the code that does it sees it. */
export interface ProgressTask {
  /** Moves on by `amount` of the task's unit. */
  advance(amount: number): void;
  /** Says what is worth knowing right now, such as `loss 4.21`. */
  note(text: string): void;
  /** Ends the task; `summary` replaces the usual closing words. */
  done(summary?: string): void;
}

export interface ProgressStart {
  /** What is being done: `cleaning apt3_sample_pl`. */
  readonly label: string;
  /** How much there is to do, when that is known. */
  readonly total?: number;
  /** What is counted; bytes are shown as MB, anything else as a count. */
  readonly unit: "bytes" | "documents" | "tokens" | "rows" | "steps" | "words" | "merges" | "files";
}

/** Where progress goes; made once a process by the command line, silent in library use. */
export interface Progress {
  start(task: ProgressStart): ProgressTask;
  /** Prints a line without tearing a live display. */
  log(line: string): void;
  /** Ends the display; the cursor is left on a fresh line. */
  close(): void;
}

/** Progress that shows nothing. */
export const silentProgress: Progress = {
  start: () => ({ advance() {}, note() {}, done() {} }),
  log() {},
  close() {},
};

interface Shown {
  readonly label: string;
  readonly unit: ProgressStart["unit"];
  readonly total: number | undefined;
  readonly startedAt: number;
  amount: number;
  note: string;
}

/** A live display on a terminal, plain lines elsewhere; both on stderr, so that stdout stays for results. */
export function createProgress(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? liveProgress(stream) : plainProgress(stream);
}

/** Seconds between two plain lines about one task. */
const PLAIN_INTERVAL_S = 5;

function plainProgress(stream: NodeJS.WriteStream): Progress {
  return {
    start(task) {
      const shown = show(task);
      let lastLineAt = shown.startedAt;
      return {
        advance(amount) {
          shown.amount += amount;
          if (now() - lastLineAt < PLAIN_INTERVAL_S) return;
          lastLineAt = now();
          stream.write(`${shown.label}: ${figures(shown)}\n`);
        },
        note(text) {
          shown.note = text;
        },
        done(summary) {
          stream.write(`${shown.label}: ${summary ?? closing(shown)}\n`);
        },
      };
    },
    log: (line) => void stream.write(`${line}\n`),
    close() {},
  };
}

function liveProgress(stream: NodeJS.WriteStream): Progress {
  const bars = new cliProgress.MultiBar(
    {
      stream,
      format: (_options, _params, payload: { shown: Shown }) => liveLine(payload.shown, stream.columns),
      clearOnComplete: true,
      hideCursor: true,
      fps: 8,
    },
    cliProgress.Presets.shades_classic,
  );
  let active = 0;
  const log = (line: string) => {
    if (active > 0) bars.log(`${line}\n`);
    else stream.write(`${line}\n`);
  };
  return {
    start(task) {
      const shown = show(task);
      const bar = bars.create(1, 0, { shown });
      active += 1;
      return {
        advance(amount) {
          shown.amount += amount;
          bar.update(0, { shown });
        },
        note(text) {
          shown.note = text;
          bar.update(0, { shown });
        },
        done(summary) {
          bars.remove(bar);
          log(`${shown.label}: ${summary ?? closing(shown)}`);
          active -= 1;
        },
      };
    },
    log,
    close: () => bars.stop(),
  };
}

function show({ label, unit, total }: ProgressStart): Shown {
  return { label, unit, total, startedAt: now(), amount: 0, note: "" };
}

const now = () => performance.now() / 1000;

const amountText = (amount: number, unit: string) =>
  unit === "bytes" ? formatBytes(amount) : `${formatCount(amount)} ${unit}`;

/** `12.3 MB of 40.0 MB (31 %), 25.1 MB/s, 1.1 s left, loss 4.21`. */
function figures(shown: Shown): string {
  const rate = shown.amount / Math.max(now() - shown.startedAt, 1e-9);
  const parts = [amountText(shown.amount, shown.unit)];
  if (shown.total !== undefined && shown.total > 0) {
    const share = Math.min(100, Math.floor((100 * shown.amount) / shown.total));
    parts[0] += ` of ${amountText(shown.total, shown.unit)} (${share} %)`;
  }
  parts.push(`${amountText(rate, shown.unit)}/s`);
  if (shown.total !== undefined && shown.amount > 0 && shown.amount < shown.total) {
    parts.push(`${formatDuration((shown.total - shown.amount) / rate)} left`);
  }
  if (shown.note !== "") parts.push(shown.note);
  return parts.join(", ");
}

function closing(shown: Shown): string {
  const seconds = now() - shown.startedAt;
  const rate = amountText(shown.amount / Math.max(seconds, 1e-9), shown.unit);
  return `${amountText(shown.amount, shown.unit)} in ${formatDuration(seconds)} (${rate}/s)`;
}

function liveLine(shown: Shown, columns: number): string {
  const share = shown.total ? Math.min(1, shown.amount / shown.total) : undefined;
  const bar = share === undefined ? "" : `${"█".repeat(Math.round(20 * share)).padEnd(20, "░")} `;
  return `${bar}${shown.label}: ${figures(shown)}`.slice(0, (columns || 80) - 1);
}
