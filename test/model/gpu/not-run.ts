/** Says why a check that only a card can show was not run; not a failure. */
export class NotRun extends Error {
  override readonly name = "NotRun";
}
