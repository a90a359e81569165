//! The page's drawings and style sheet; colours are the interface's tokens.

pub(super) const SEAL: &str = "<svg class=seal viewBox=\"0 0 48 48\" width=28 height=28 aria-hidden=true><circle cx=24 cy=24 r=14 class=disc /><path class=arc d=\"M24 4a20 20 0 0 1 17.3 10M43.9 25a20 20 0 0 1-9.9 16M14 41.3A20 20 0 0 1 6.7 14\"/><path class=mark d=\"M17.5 24.5l4.5 4.5 8.5-9\"/></svg>";
pub(super) const SEAL_LARGE: &str = "<svg class=seal viewBox=\"0 0 48 48\" width=92 height=92 aria-hidden=true><circle cx=24 cy=24 r=14 class=disc /><path class=arc d=\"M24 4a20 20 0 0 1 17.3 10M43.9 25a20 20 0 0 1-9.9 16M14 41.3A20 20 0 0 1 6.7 14\"/><path class=mark d=\"M17.5 24.5l4.5 4.5 8.5-9\"/></svg>";
pub(super) const TICK: &str = "<svg class=seal viewBox=\"0 0 24 24\" width=24 height=24 aria-hidden=true><circle cx=12 cy=12 r=12 class=soft /><path class=on d=\"M7.5 12.5l3 3 6-6.5\"/></svg>";

pub(super) const STYLE: &str = "
:root{color-scheme:light dark;--bg:#F3F5F4;--surface:#FFFFFF;--well:#E9EDEC;--line:#D6DDDB;--line-strong:#71807D;--ink:#14211F;--ink-2:#43524F;--ink-3:#586663;--seal:#17695A;--on-seal:#FFFFFF;--seal-soft:#DCEEE8;--decide:#7A4A00;--decide-soft:#FCEFD3;--stop:#A1291F;--stop-soft:#FBE5E1;--heart:#B3264F;--sleep:#4A57B5;--steps:#5B6B00;--pressure:#0A679F;--band:#EFE3E7}
@media (prefers-color-scheme:dark){:root{--bg:#0D1413;--surface:#161F1D;--well:#202B29;--line:#2C3937;--line-strong:#7D8E8A;--ink:#E9F0EE;--ink-2:#B6C4C0;--ink-3:#97A6A2;--seal:#7FD3BE;--on-seal:#06291F;--seal-soft:#14362E;--decide:#F3C66B;--decide-soft:#37290C;--stop:#FFAFA4;--stop-soft:#431D18;--heart:#FF90AC;--sleep:#AEB7FF;--steps:#C3D36A;--pressure:#7EC6F4;--band:#472C38}}
*{box-sizing:border-box;margin:0;padding:0}
html{background:var(--bg);color:var(--ink);font:400 16px/1.45 -apple-system,\"SF Pro Text\",Roboto,Inter,\"Noto Sans\",system-ui,sans-serif}
main{max-width:984px;margin:0 auto;padding:24px 16px 48px}
header{display:flex;justify-content:space-between;align-items:center;gap:16px;flex-wrap:wrap;margin-bottom:24px}
.brand{display:flex;gap:10px;align-items:center;font-size:1.0625rem}
h1{font-size:1.875rem;line-height:1.13;letter-spacing:-.012em;margin-bottom:8px;text-wrap:balance}
h2{font-size:1.25rem;margin:32px 0 12px;letter-spacing:-.012em}
.lead{color:var(--ink-2);max-width:64ch;margin-bottom:20px}
.sub{color:var(--ink-2);font-size:.875rem}.cap{color:var(--ink-3);font-size:.8125rem}.t{font-weight:600;font-size:.9688rem}
.card{background:var(--surface);border:1px solid var(--line);border-radius:16px;padding:14px 16px}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px}
.hero{font-size:1.875rem;line-height:1.1;font-weight:650;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.val{font-weight:650;font-size:1.625rem;line-height:1.2;font-variant-numeric:tabular-nums;margin:2px 0 8px}.val small{font-size:.875rem;font-weight:500;color:var(--ink-2)}
.grid{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:12px}.grid .wide{grid-column:1/-1}
@media (max-width:720px){.grid{grid-template-columns:1fr}.two{grid-template-columns:1fr!important}}
svg{display:block;max-width:100%;height:auto}.card>svg{width:100%;margin-bottom:6px}
svg text{font-size:11px;fill:var(--ink-3);font-variant-numeric:tabular-nums}
.axis{stroke:var(--line);stroke-width:1}.band{fill:var(--band)}.stub{stroke:var(--line-strong);stroke-width:2;stroke-dasharray:2 3}
.line{fill:none;stroke-width:1.75;stroke-linejoin:round}.line.heart{stroke:var(--heart)}.line.pressure{stroke:var(--pressure)}.line.steps{stroke:var(--steps)}
.fill.sleep{fill:var(--sleep)}.fill.steps{fill:var(--steps)}.fill.pressure{fill:var(--pressure)}.hollow.pressure{fill:var(--surface);stroke:var(--pressure);stroke-width:1.75}
.key{display:inline-block;width:10px;height:10px;border-radius:5px;margin-inline-end:6px}.key.steps{background:var(--steps)}.key.pressure{background:var(--pressure)}
.seal .disc{fill:var(--seal)}.seal .arc{fill:none;stroke:var(--seal);stroke-width:3.2;stroke-linecap:round}.seal .mark{fill:none;stroke:var(--on-seal);stroke-width:3;stroke-linecap:round;stroke-linejoin:round}.seal .soft{fill:var(--seal-soft)}.seal .on{fill:none;stroke:var(--seal);stroke-width:1.75;stroke-linecap:round;stroke-linejoin:round}
.paper{background:var(--surface);border:1px solid var(--line);border-bottom:0;border-radius:16px 16px 0 0;padding:24px 28px 30px;-webkit-mask:conic-gradient(from -45deg at bottom,#0000,#000 1deg 89deg,#0000 90deg) 50%/12px 100%;mask:conic-gradient(from -45deg at bottom,#0000,#000 1deg 89deg,#0000 90deg) 50%/12px 100%}
.two{display:grid;grid-template-columns:1fr 1fr;gap:32px}.unchanged{color:var(--seal);font-size:2rem;font-weight:700;margin:8px 0 4px}.two .t{margin-top:14px}
.dots{padding-inline-start:18px;font-size:.875rem;color:var(--ink-2)}
.fact{display:flex;justify-content:space-between;gap:16px;padding:4px 0;font-size:.9375rem}.fact span{color:var(--ink-2)}.fact b{font-weight:600;text-align:end;overflow-wrap:anywhere}
hr{border:0;border-top:1px dashed var(--line);margin:12px 0}.tick{display:flex;gap:12px;align-items:center;padding:4px 0;font-weight:600;font-size:.9375rem}.tick svg{flex:none}
.note.stop{margin-top:12px;background:var(--stop-soft);color:var(--stop);border-color:transparent}
.acts{list-style:none}.acts li{display:flex;gap:12px;align-items:center;padding:9px 0;border-top:1px solid var(--line);font-size:.9375rem}.acts li:first-child{border-top:0}.acts .cap{white-space:nowrap}
.grow{flex:1;min-width:0}.chip{border-radius:999px;padding:3px 11px;font-size:.8125rem;font-weight:600;min-width:76px;text-align:center}.chip.seal{background:var(--seal-soft);color:var(--seal)}.chip.decide{background:var(--decide-soft);color:var(--decide)}.chip.stop{background:var(--stop-soft);color:var(--stop)}
table{border-collapse:collapse;width:100%;font-size:.875rem}th{text-align:start;color:var(--ink-2);font-weight:600}td,th{padding:6px 12px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}tr:last-child td{border-bottom:0}
.num{font-variant-numeric:tabular-nums;white-space:nowrap}code{font-size:.8125rem;overflow-wrap:anywhere}.plain{padding-inline-start:18px}.plain li{padding:3px 0}
@media (max-width:720px){.acts li{flex-wrap:wrap}.fact b{font-size:.875rem}}
";
