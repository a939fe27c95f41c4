/** What no notice of a web page (consent, rights, who made it) is without, from a space in it on or up to one. */
const NOTICES = [" cookie", " ciastecz", " zastrze", " reserv", " prywatno", "red by", "t i wykona"] as const;
const NOTICE = new RegExp(NOTICES.join("|"), "i");

/** Whether a text may hold such a notice. */
export const hasNotice = (text: string): boolean => NOTICE.test(text);
