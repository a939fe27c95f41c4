/** A part of a whole; nothing of nothing is no part. */
export const share = (part: number, whole: number) => part / Math.max(whole, 1);
