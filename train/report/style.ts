/** The report's look: system type, two colours, light and dark, one column on a phone. */
export const style = `
:root { color-scheme: light dark; --ground: #fbfbfa; --card: #ffffff; --ink: #1d2126; --quiet: #5d6670; --line: #e3e5e8;
  --one: #2457d6; --two: #c0480c; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171b; --card: #1c2025; --ink: #e6e9ec; --quiet: #98a2ad; --line: #31373f; --one: #86aaff; --two: #ffa561; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 36px 0 12px; }
.quiet { color: var(--quiet); }
.bar { height: 6px; border-radius: 3px; background: var(--line); margin: 16px 0 20px; overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--one); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(45%, 240px), 1fr)); gap: 12px; margin: 0; }
.tiles div, .chart, .sample, .scroll, details { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tiles div { padding: 12px 14px; }
.tiles dt { color: var(--quiet); font-size: .82rem; }
.tiles dd { margin: 0; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tiles dd small { display: block; min-height: 1.5em; font-size: .8rem; font-weight: 400; color: var(--quiet); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); gap: 16px; margin-top: 16px; }
.chart { margin: 0; padding: 14px 16px 34px; min-width: 0; }
.chart.wide { grid-column: 1 / -1; }
figcaption { display: flex; flex-wrap: wrap; gap: 4px 16px; margin-bottom: 10px; }
.key { color: var(--quiet); font-size: .85rem; }
.key::before { content: ""; display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 6px;
  vertical-align: middle; background: currentColor; }
.key.colour1::before { background: var(--one); } .key.colour2::before { background: var(--two); }
.plot { position: relative; height: 220px; margin-left: 52px; }
.wide .plot { height: 300px; }
.plot svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
.plot path { fill: none; vector-effect: non-scaling-stroke; stroke-linejoin: round; stroke-linecap: round; }
path.colour1 { stroke: var(--one); } path.colour2 { stroke: var(--two); }
path.line, path.dots { stroke-width: 2; } path.faint { stroke-width: 1; opacity: .35; } path.marks { stroke-width: 6; }
path.grid { stroke: var(--line); stroke-width: 1; }
.plot span { position: absolute; color: var(--quiet); font-size: .75rem; line-height: 1; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.plot .y { right: calc(100% + 8px); transform: translateY(-50%); }
.plot .x { top: calc(100% + 10px); transform: translateX(-50%); }
.samples { display: grid; gap: 12px; }
.sample { padding: 12px 16px; margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.sample b { color: var(--one); }
details { padding: 10px 16px; margin-top: 12px; }
summary { cursor: pointer; }
details .sample { border: 0; border-top: 1px solid var(--line); border-radius: 0; padding: 12px 0; }
details .sample:first-of-type { margin-top: 10px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 7px 14px; white-space: nowrap; border-bottom: 1px solid var(--line); }
tr:last-child td { border-bottom: 0; } th { color: var(--quiet); font-weight: 500; }
pre { margin: 10px 0 0; overflow-x: auto; font: .82rem/1.5 ui-monospace, "Cascadia Code", Menlo, Consolas, monospace; }
`;
