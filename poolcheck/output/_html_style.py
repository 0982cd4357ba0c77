"""The style of the page of `--html`. Colours reach a contrast of 4.5 to 1 on their grounds, light and dark."""

STYLE = """
:root { color-scheme: light dark; --paper: #f7f8f9; --panel: #ffffff; --ink: #1b2228; --quiet: #5b6671; --line: #d5dade;
  --code: #eef1f3; --error: #b3261e; --warning: #8a5300; --info: #0f5c8c; --ok: #1b6b3a; --mark: #ffe08a; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181b; --panel: #1c2125; --ink: #e4e8eb; --quiet: #9aa5ae;
  --line: #363e45; --code: #12161a; --error: #ff8f84; --warning: #f0b354; --info: #74c0f0; --ok: #74cf94; --mark: #6b5200; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main, footer { max-width: 60rem; margin: 0 auto; padding: 1rem; }
footer { color: var(--quiet); font-size: .875rem; padding-bottom: 2rem; }
header { border-bottom: 2px solid var(--ink); margin-bottom: 1.5rem; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.125rem; margin: 1.75rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0 0 .25rem; }
section > :first-child { margin-top: 0; }
section { margin-bottom: 2rem; }
p { margin: .375rem 0; max-width: 75ch; }
p.item { padding-left: 1em; text-indent: -1em; }
p.item::before { content: "\\2013\\a0"; }
p.deep { padding-left: 1.5rem; color: var(--quiet); }
a { color: inherit; text-decoration-thickness: 1px; text-underline-offset: 2px; }
pre { background: var(--code); border: 1px solid var(--line); border-radius: 4px; padding: .5rem .75rem; margin: .5rem 0;
  font: .875rem/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre-wrap; }
mark { background: var(--mark); color: inherit; outline: 1px solid var(--ink); }
.error, .fail { color: var(--error); } .warning, .do { color: var(--warning); } .info, .check { color: var(--info); }
.ok, .done { color: var(--ok); } .dim, .not-needed { color: var(--quiet); } .bold { font-weight: 700; }
article { background: var(--panel); border: 1px solid var(--line); border-left: 4px solid; border-radius: 4px;
  padding: .75rem 1rem; margin: .75rem 0; }
article > *, p.do { color: var(--ink); } article h3 span { font-weight: 700; } .what { font-weight: 600; }
article.step.done, article.step.not-needed { padding-top: .375rem; padding-bottom: .375rem; }
article.step.done > p, article.step.not-needed > p { font-size: .9375rem; margin: 0; }
details { margin-top: .5rem; font-size: .875rem; } summary { cursor: pointer; } details ul { margin: .25rem 0; padding-left: 1.25rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; background: var(--panel); }
th, td { text-align: left; vertical-align: top; padding: .25rem .625rem; border: 1px solid var(--line); font-variant-numeric: tabular-nums; }
th { color: var(--quiet); font-weight: 600; } .right { text-align: right; }
figure { margin: .5rem 0 1rem; }
svg { display: block; max-width: 100%; height: auto; }
svg.bar { width: 100%; max-width: 36rem; height: 14px; margin: .25rem 0; border: 1px solid currentColor; }
.rest { fill: var(--panel); } .mark { stroke: var(--ink); stroke-width: 2; stroke-dasharray: 3 2; }
.sums div { margin: .5rem 0; } .sums span { color: var(--ink); }
.burst svg { width: 100%; } .burst svg + svg { display: none; } .burst { background: var(--panel); border: 1px solid var(--line); border-radius: 4px; padding: .5rem; }
.burst [fill="#ffffff"] { fill: var(--panel); } .burst [fill="#1f2933"] { fill: var(--ink); }
.burst [fill="#7b8794"] { fill: var(--quiet); } .burst text[fill="#c62828"] { fill: var(--error); }
@media (max-width: 40rem) {
  .burst svg { display: none; } .burst svg + svg { display: block; }
  table, tbody, tr, td { display: block; width: 100%; border: 0; } tr:has(th) { display: none; }
  tr { border: 1px solid var(--line); padding: .25rem 0; margin: .5rem 0; }
  td { display: inline-block; width: auto; padding: .125rem .5rem; }
  td:empty { display: none; }
  td[data-name]:not([data-name=""])::before { content: attr(data-name) ": "; color: var(--quiet); }
}
@media print { body { background: none; } article, pre { break-inside: avoid; } }
"""
