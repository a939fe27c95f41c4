/** The report's style sheet: readable from 390 px up, in light and dark. */
export const STYLE = `
:root{color-scheme:light dark;--paper:#f7f7f4;--ink:#1d1f23;--muted:#6b6f76;--line:#e4e4de;--card:#fff;--track:#ecece6;--accent:#2f6f8f;--good:#dcf0e0;--goodink:#14532d;--bad:#fbe0dc;--badink:#8a2318;
--s0:#2f7d6d;--s1:#8a8f98;--s2:#c9b458;--s3:#7d6bb3;--s4:#d98b3f;--s5:#c65f74;--s6:#a23b3b;--s7:#6f9fc8}
@media (prefers-color-scheme:dark){:root{--paper:#131519;--ink:#e8e8e4;--muted:#9a9ea6;--line:#2a2d33;--card:#1b1e23;--track:#2a2e35;--accent:#6fb1d0;--good:#16351f;--goodink:#a6e0b4;--bad:#46201c;--badink:#f5b5aa;
--s0:#49a892;--s1:#767b85;--s2:#cdb95c;--s3:#9888d0;--s4:#dd9650;--s5:#d67a8c;--s6:#c25656;--s7:#76a6d0}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;-webkit-text-size-adjust:100%}
main{max-width:1120px;margin:0 auto;padding:36px 24px 80px}
h1{font-size:1.9rem;line-height:1.2;letter-spacing:-.02em;margin:0 0 4px}
h2{font-size:1.2rem;letter-spacing:-.01em;margin:48px 0 12px}
h3{font-size:.85rem;font-weight:600;color:var(--muted);margin:0 0 8px}.card+h3{margin-top:20px}
h4{font-size:.8rem;font-weight:600;color:var(--muted);margin:16px 0 6px}
p{margin:0 0 12px}.muted{color:var(--muted)}small{font-size:.82em;color:var(--muted);font-weight:400}
.failure{margin-top:16px;padding:10px 14px;border-radius:10px;background:var(--bad);color:var(--badink)}
.figures{display:grid;grid-template-columns:repeat(5,1fr);gap:12px;margin:24px 0 0}
.figure,.card,.scroll,details,.flows{background:var(--card);border:1px solid var(--line);border-radius:12px}
.figure{padding:14px 16px;display:flex;flex-direction:column;gap:2px}
.figure span{font-size:.82rem}.figure b{font-size:1.5rem;line-height:1.25;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.card{padding:14px 18px}
.two{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:0 28px;align-items:start}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;margin:0 0 12px;font-size:.82rem;color:var(--muted)}
.legend i{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:6px}
.flows{padding:6px 18px}
.flow{display:grid;grid-template-columns:minmax(0,260px) 1fr 240px;gap:4px 18px;align-items:center;padding:9px 0;border-bottom:1px solid var(--line)}
.flow:last-child{border-bottom:0}
.flow .name{font-weight:500;overflow-wrap:anywhere;line-height:1.3}.flow small{white-space:nowrap}
.flow .kept{display:flex;justify-content:space-between;gap:10px;align-items:baseline;font-variant-numeric:tabular-nums}
.flow .kept b{font-weight:600;white-space:nowrap}
.stack{display:flex;gap:2px;height:14px;border-radius:7px;overflow:hidden;background:var(--track)}
.part{min-width:2px}.stage0{background:var(--s0)}.stage1{background:var(--s1)}.stage2{background:var(--s2)}.stage3{background:var(--s3)}.stage4{background:var(--s4)}.stage5{background:var(--s5)}.stage6{background:var(--s6)}.stage7{background:var(--s7)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{padding:7px 14px;text-align:left;border-bottom:1px solid var(--line);white-space:nowrap}
tbody tr:last-child td{border-bottom:0}tbody tr:hover{background:color-mix(in srgb,var(--accent) 7%,transparent)}
th{color:var(--muted);font-weight:600;font-size:.8rem}
td:first-child{font-weight:500}
td:has(.track){width:22%;min-width:90px}
.wrap{white-space:normal;min-width:9em;overflow-wrap:anywhere;line-height:1.35}
.number{text-align:right;font-variant-numeric:tabular-nums}.loss{color:var(--badink);font-weight:600}
.track{display:block;height:6px;border-radius:3px;background:var(--track);overflow:hidden}
.track i{display:block;height:100%;background:var(--accent);border-radius:3px;min-width:2px}
.bars{display:grid;gap:10px}.item .label{display:flex;justify-content:space-between;gap:12px;font-size:.9rem;margin-bottom:3px}
.item .number{white-space:nowrap}.item small{display:inline-block;min-width:4em;text-align:right}
.histogram{display:flex;align-items:flex-end;gap:3px;height:132px;border-bottom:1px solid var(--line)}
.histogram i{flex:1;background:var(--accent);border-radius:3px 3px 0 0;min-height:2px}.histogram i.none{min-height:0}
.most{font-size:.75rem;color:var(--muted);font-variant-numeric:tabular-nums;border-bottom:1px dashed var(--line);margin-bottom:2px}
.axis{display:flex;justify-content:space-between;font-size:.78rem;color:var(--muted);padding-top:5px;font-variant-numeric:tabular-nums}
details{padding:0 18px;margin:8px 0}details[open]{padding-bottom:14px}
summary{cursor:pointer;font-weight:600;padding:9px 0}summary small{margin-left:6px}
details .scroll{border-radius:8px}details .card{border:0;padding:0}
pre{margin:0;padding:10px 13px;border-radius:8px;font:12.5px/1.55 ui-monospace,SFMono-Regular,Menlo,monospace;white-space:pre-wrap;overflow-wrap:anywhere;background:var(--paper);border:1px solid var(--line)}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:8px}
del,ins{text-decoration:none;border-radius:3px;padding:0 1px}
del{background:var(--bad);color:var(--badink)}ins{background:var(--good);color:var(--goodink)}
@media (max-width:860px){.two,.pair{grid-template-columns:minmax(0,1fr)}.figures{grid-template-columns:1fr 1fr}.flow{grid-template-columns:1fr auto}.flow .stack{grid-column:1/-1;grid-row:2}.flow .kept{gap:8px}.flow .kept small{display:none}}
@media (max-width:600px){main{padding:24px 14px 60px}h2{margin-top:36px}.figures{gap:8px}.figure{padding:12px 13px}.figure b{font-size:1.25rem}.figure:last-child{grid-column:1/-1}th,td{padding:6px 9px;font-size:.84rem}.card,.flows{padding-left:13px;padding-right:13px}details{padding-left:13px;padding-right:13px}}
`;
