/** Why a reader passes a document on without a text: it is counted under this reason. */
export const READER_DROPS = [
  "redirect",
  "disambiguation",
  "other-namespace",
  "not-wikitext",
  "http-status",
  "not-a-page",
  "damaged-page",
  "page-too-long",
  "nested-too-deeply",
] as const;

export type ReaderDrop = (typeof READER_DROPS)[number];

/** A document as a line of JSON in the Speakleash form, which all formats are turned into. */
export function documentLine(
  text: string | null,
  meta: Readonly<Record<string, string | undefined>> = {},
): Buffer {
  return Buffer.from(`${JSON.stringify({ text, meta })}\n`);
}

/** A document that its reader refuses: a line of its own, so that it is counted and has a place. */
export function droppedLine(
  dropped: ReaderDrop,
  meta: Readonly<Record<string, string | undefined>> = {},
): Buffer {
  return Buffer.from(`${JSON.stringify({ dropped, meta })}\n`);
}
