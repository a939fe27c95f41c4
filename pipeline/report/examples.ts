import type { Unit } from "../journal.ts";
import { difference, escapeHtml } from "./html.ts";

/** Examples shown for each step and for each reason. */
const EXAMPLES = 4;
const EXCERPT = 400;

interface Example {
  readonly group: string;
  readonly place: string;
  readonly html: string;
}

/** What the steps changed, before and after, a fold for every step. */
export function changes(units: readonly Unit[]): string {
  return folds(
    units.flatMap(({ dataset, traces }) =>
      traces.map(({ step, line, before, after }) => ({
        group: step,
        place: `${dataset}, line ${line}`,
        html: difference(before, after),
      })),
    ),
  );
}

/** What was dropped, a fold for every reason. */
export function rejects(units: readonly Unit[]): string {
  return folds(
    units
      .flatMap(({ dataset, rejects: sample }) =>
        sample.map(({ step, reason, line, excerpt }) => ({
          group: `${step}: ${reason}`,
          place: `${dataset}, line ${line}`,
          html: `<pre>${escapeHtml(excerpt.slice(0, EXCERPT))}</pre>`,
        })),
      )
      .sort((a, b) => (a.group < b.group ? -1 : a.group > b.group ? 1 : 0)),
  );
}

function folds(examples: readonly Example[]): string {
  const groups = Map.groupBy(examples, ({ group }) => group);
  if (groups.size === 0) return "<p>Nothing.</p>";
  return [...groups]
    .map(([group, members]) => {
      const shown = spread(members).map(({ place, html }) => `<h4>${escapeHtml(place)}</h4>${html}`);
      return `<details><summary>${escapeHtml(group)} <small>${shown.length} shown</small></summary>${shown.join("")}</details>`;
    })
    .join("");
}

/** A few of them, from all parts of the list: the first come from one source. */
function spread<T>(list: readonly T[]): T[] {
  const step = Math.max(1, list.length / EXAMPLES);
  return Array.from({ length: Math.min(EXAMPLES, list.length) }, (_, i) => list[Math.floor(i * step)] as T);
}
