import type { Examples } from "../evidence/publish.ts";
import { difference, escapeHtml } from "./html.ts";

/** Examples shown for each step and for each reason. */
const EXAMPLES = 4;
const EXCERPT = 400;

/** What the steps changed, before and after, a fold for every step. */
export function changes({ traces }: Examples): string {
  return folds(
    traces.map(([step, examples]) =>
      fold(
        step,
        spread(examples).map(({ dataset, line, before, after }) => ({
          place: `${dataset}, line ${line}`,
          html: difference(before, after),
        })),
      ),
    ),
  );
}

/** What was dropped, a fold for every reason. */
export function rejects({ rejects: dropped }: Examples): string {
  const kinds = [...dropped].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return folds(
    kinds.map(([kind, examples]) =>
      fold(
        kind.replace("--", ": "),
        spread(examples).map(({ dataset, line, excerpt }) => ({
          place: `${dataset}, line ${line}`,
          html: `<pre>${escapeHtml(excerpt.slice(0, EXCERPT))}</pre>`,
        })),
      ),
    ),
  );
}

function fold(group: string, members: readonly { readonly place: string; readonly html: string }[]): string {
  const shown = members.map(({ place, html }) => `<h4>${escapeHtml(place)}</h4>${html}`);
  return `<details><summary>${escapeHtml(group)} <small>${shown.length} shown</small></summary>${shown.join("")}</details>`;
}

const folds = (all: readonly string[]) => (all.length === 0 ? "<p>Nothing.</p>" : all.join(""));

/** A few of them, from all parts of the list: the first come from one source. */
function spread<T>(list: readonly T[]): T[] {
  const step = Math.max(1, list.length / EXAMPLES);
  return Array.from({ length: Math.min(EXAMPLES, list.length) }, (_, i) => list[Math.floor(i * step)] as T);
}
