import { COMMANDS } from "../../bin/commands.ts";

/*
 * The child of `commandHost`: runs one command after the other in its own process, and answers each message, the words
 * of a command, with what the command gave.
 */

const { stdout, stderr } = process;

/** Notes what is written to a stream from now on, instead of writing it. */
function capture(stream: NodeJS.WriteStream): () => string {
  const written: Uint8Array[] = [];
  stream.write = ((chunk: string | Uint8Array, encoding?: unknown, done?: unknown) => {
    written.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk.slice());
    const callback = typeof encoding === "function" ? encoding : done;
    if (typeof callback === "function") process.nextTick(callback);
    return true;
  }) as typeof stream.write;
  return () => Buffer.concat(written).toString();
}

process.on("message", async ([name, ...words]: [string, ...string[]]) => {
  const [said, complained] = [capture(stdout), capture(stderr)];
  const code = (await COMMANDS[name]?.run(words)) ?? null;
  process.send?.({ code, signal: null, stdout: said(), stderr: complained() });
});
