/**
 * A mistake in what the user gave: a config value, a model folder, a weights file. The message is one line that says
 * what is wrong, where, and how to mend it; the command line prints it without a stack and exits with `exitCode`.
 */
export class ModelInputError extends Error {
  readonly exitCode = 2;
  override readonly name = "ModelInputError";
}
