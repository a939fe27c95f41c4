/** The report's style sheet: readable from 390 px up, in light and dark. */
export const STYLE = `
:root{color-scheme:light dark;--paper:#fbfaf7;--ink:#22211f;--muted:#6d6a64;--line:#e3dfd6;--card:#fff;--bar:#3c6e9f;--good:#dff0dc;--goodink:#1d5a22;--bad:#f9dfdb;--badink:#8a2318}
@media (prefers-color-scheme:dark){:root{--paper:#171614;--ink:#e9e6df;--muted:#9d988e;--line:#34322d;--card:#201f1c;--bar:#6fa3d4;--good:#1d3a20;--goodink:#a9dfa9;--bad:#45201c;--badink:#f2b3a9}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:24px 16px 64px}
h1{font-size:1.7rem;margin:0 0 4px}h2{font-size:1.15rem;margin:40px 0 10px}h3{font-size:1rem;margin:20px 0 6px}
p{margin:0 0 10px}.muted{color:var(--muted)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:20px 0}
.figure{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px}
.figure b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:10px}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{padding:7px 12px;text-align:left;border-bottom:1px solid var(--line);white-space:nowrap}
tr:last-child td{border-bottom:0}th{color:var(--muted);font-weight:600}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums}
td.wrap{white-space:normal;min-width:12em}
.bar{display:inline-block;height:.7em;min-width:1px;background:var(--bar);border-radius:2px;vertical-align:baseline}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:20px}
.histogram{display:flex;align-items:flex-end;gap:2px;height:130px;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 14px 0}
.histogram i{flex:1;background:var(--bar);border-radius:2px 2px 0 0;min-height:1px}
.axis{display:flex;justify-content:space-between;font-size:.8rem;color:var(--muted);padding:4px 14px}
details{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:8px 14px;margin:8px 0}
summary{cursor:pointer;font-weight:600}
pre{margin:8px 0 0;padding:9px 12px;border-radius:7px;font:13px/1.5 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere;background:var(--paper)}
@media (max-width:600px){th,td{padding:6px 8px;font-size:.86rem}td:first-child{white-space:normal;overflow-wrap:anywhere;min-width:7em}.figures{grid-template-columns:1fr 1fr}}
del,ins{text-decoration:none;border-radius:3px;padding:0 1px}
del{background:var(--bad);color:var(--badink)}ins{background:var(--good);color:var(--goodink)}
`;
