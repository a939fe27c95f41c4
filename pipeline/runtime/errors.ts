/** The process exit codes every command keeps to. */
export const EXIT = { done: 0, failed: 1, userError: 2, interrupted: 130 } as const;

/**
 * The user's mistake, or a fact of the user's machine: bad option, bad file, full disk.
 * The message is one line that says what, where and how to mend it; it is printed without a stack.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly exitCode = EXIT.userError;
}

/** The run was stopped by SIGINT or SIGTERM. What was done is kept; the same command continues. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly exitCode = EXIT.interrupted;

  constructor(signal: string) {
    super(`stopped by ${signal}; run the same command again to continue`);
  }
}

/** What the operating system refused, said in words that tell the user what to do. */
const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied: check the owner and mode",
  EPERM: "operation not permitted: check the owner and mode",
  ENOSPC: "disk full: free some space and run the same command again; finished work is kept",
  EDQUOT: "disk quota exceeded: free some space and run the same command again; finished work is kept",
  EROFS: "read-only file system: choose another folder",
  ENOTDIR: "a part of this path is a file, not a folder",
  EEXIST: "this is a file, a folder was expected",
  EISDIR: "this is a folder, a file was expected",
  EMFILE: "too many open files: raise `ulimit -n`",
};

/** How a failed command ends: its exit code, the line for the user, and for bugs the stack as well. */
export interface Failure {
  readonly exitCode: number;
  readonly message: string;
  /** Present only when the failure is a bug of ours rather than the user's mistake. */
  readonly stack?: string;
}

/**
 * Sorts an error into the user's mistakes (exit 2), interruptions (130) and our bugs (1).
 * Any error that carries a numeric `exitCode` is taken at its word, so that rooms which must not import
 * this file (model/) can define user errors of their own.
 */
export function describeFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return { exitCode: EXIT.failed, message: String(error) };
  if ("exitCode" in error && typeof error.exitCode === "number") {
    return { exitCode: error.exitCode, message: oneLine(error.message) };
  }
  const system = asSystemError(error);
  if (system !== undefined) return { exitCode: EXIT.userError, message: system };
  return {
    exitCode: EXIT.failed,
    message: `internal error: ${oneLine(error.message)}`,
    ...(error.stack === undefined ? {} : { stack: error.stack }),
  };
}

function asSystemError(error: Error): string | undefined {
  if (!("code" in error) || typeof error.code !== "string") return undefined;
  const words = SYSTEM_ERRORS[error.code];
  if (words === undefined) return undefined;
  const path = "path" in error && typeof error.path === "string" ? error.path : "file system";
  return `${path}: ${words} (${error.code})`;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ").trim();
}
