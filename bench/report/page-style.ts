import { markup } from "./markup.js";

/** How charts look: light or dark as the reader's system is. */
export const chartStyle = markup`
:root { color-scheme: light dark; --page: #f9f9f7; --card: #fcfcfb; --ink: #0b0b0b; --soft: #52514e;
  --line: #e1e0d9; --axis: #c3c2b7; --good: #006300; --bad: #b3261e; --exec: #2a78d6; --ffi: #eb6834;
  --other-0: #8f8e88; --other-1: #1baf7a; --other-2: #4a3aa7; --other-3: #e87ba4; }
@media (prefers-color-scheme: dark) {
  :root { --page: #0d0d0d; --card: #1a1a19; --ink: #ffffff; --soft: #c3c2b7; --line: #2c2c2a;
    --axis: #383835; --good: #0ca30c; --bad: #e66767; --exec: #3987e5; --ffi: #d95926;
    --other-0: #898781; --other-1: #199e70; --other-2: #9085e9; --other-3: #d55181; } }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); font-variant-numeric: tabular-nums; }
svg .tick { fill: var(--soft); font-size: 11px; } .grid { stroke: var(--line); }
.sample { fill: var(--ink); fill-opacity: 0.55; stroke: var(--card); stroke-width: 0.75; }
.axis { stroke: var(--axis); } .without { fill-opacity: 0.5; } .exec { fill: var(--exec); } .ffi { fill: var(--ffi); }
.other-0 { fill: var(--other-0); } .other-1 { fill: var(--other-1); } .other-2 { fill: var(--other-2); }
.other-3 { fill: var(--other-3); }
`;

/** The page's style sheet, for all but the charts. */
export const pageStyle = markup`
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 32px 20px 64px; max-width: 1120px; background: var(--page);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 26px; } h2 { margin: 36px 0 12px; font-size: 18px; }
h3 { margin: 0 0 8px; font-size: 14px; } p { margin: 6px 0; } .soft { color: var(--soft); }
.good { color: var(--good); } .bad { color: var(--bad); } .verdict { font-size: 18px; font-weight: 600; }
.cards { display: grid; gap: 16px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)); }
.card { padding: 16px; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 12px 0; padding: 0; list-style: none; }
.legend svg { width: 12px; height: 12px; margin-right: 6px; }
svg { display: block; width: 100%; height: auto; } .legend svg { display: inline-block; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 12px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child { padding-left: 0; text-align: left; font-weight: 400; } thead th { font-weight: 600; }
th.section { padding-top: 14px; color: var(--soft); }
pre { overflow-x: auto; padding: 12px; background: var(--page); border-radius: 6px; font-size: 13px; }
`;
