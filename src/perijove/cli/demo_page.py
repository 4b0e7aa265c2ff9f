"""The page of the demonstration: raw strips beside what was made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

COLUMNS = (
    "strip", "limb residual, px", "expected error, px", "true error, median px", "95 %", "colours apart, px",
    "place, km",
)  # fmt: skip
_STYLE = """
:root { color-scheme: dark; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.2rem 4rem; background: #0b0c0e; color: #d9d7d2;
  font: 1.05rem/1.6 Georgia, 'Times New Roman', serif; }
h1, h2 { font-weight: normal; color: #f0eee8; } h1 { font-size: 2.2rem; } h2 { font-size: 1.6rem; margin-top: 3rem; }
p { max-width: 46rem; } a { color: #9fc3e8; }
.pair { display: flex; gap: 1.2rem; align-items: stretch; }
.pair figure { margin: 0; } .made { flex: 1 1 auto; } .made img { width: 100%; display: block; }
.raw { flex: 0 0 15rem; position: relative; }
.scroll { position: absolute; inset: 0 0 2rem 0; overflow-y: auto; background: #2a2c30; display: flex;
  flex-direction: column; gap: 3px; }
.scroll a { flex: 1 0 auto; min-height: 100%; position: relative; } .scroll.many a { min-height: 48%; }
.scroll img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: cover; }
figcaption { font-size: .85rem; color: #8f8d88; } .raw figcaption { position: absolute; bottom: 0; }
table { border-collapse: collapse; font-size: .9rem; margin-top: 1rem; }
th, td { text-align: right; padding: .2rem .9rem .2rem 0; font-weight: normal; vertical-align: bottom; }
th { color: #8f8d88; } th:first-child, td:first-child { text-align: left; }
@media (max-width: 46rem) { .pair { flex-direction: column-reverse; } .raw { flex-basis: 24rem; } }
"""


@dataclass(frozen=True)
class Shown:
    """A raw strip: its file's name relative to the page, and how far down it, 0 to 1, its light is."""

    name: str
    middle: float


@dataclass(frozen=True)
class Exhibit:
    """One scene: file names relative to the page, and what is told of it. `rows` go with `COLUMNS`."""

    title: str
    text: str
    picture: str
    report: str
    raw: tuple[Shown, ...]
    truth: str
    quality: str
    rows: tuple[tuple[str, ...], ...]


def page(exhibits: Sequence[Exhibit]) -> str:
    """The page as HTML; it needs nothing but the files beside it."""
    body = "\n".join(_section(exhibit) for exhibit in exhibits)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Perijove: from raw strips to pictures</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>From raw strips to pictures</h1>
<p>JunoCam turns with its spacecraft and brings home strips of framelets, three colours in turn. On the left you see
such strips as they come down, on the right what Perijove makes of them. The worlds here are painted, so that the truth
is known: place and pointing were found from the strips and their labels alone, and only then held against it.</p>
{body}
</body>
</html>
"""


def _section(exhibit: Exhibit) -> str:
    """One scene."""
    strips = "\n".join(
        f'<a href="{escape(strip.name)}"><img src="{escape(strip.name)}" alt="raw strip" loading="lazy"'
        f' style="object-position: 50% {100.0 * strip.middle:.1f}%"></a>'
        for strip in exhibit.raw
    )
    count = "one strip" if len(exhibit.raw) == 1 else f"{len(exhibit.raw)} strips"
    head = "".join(f"<th>{escape(name)}</th>" for name in COLUMNS)
    rows = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in exhibit.rows)
    picture, title = escape(exhibit.picture), escape(exhibit.title)
    quality = escape(exhibit.quality[:1].upper() + exhibit.quality[1:])
    return f"""<h2>{title}</h2>
<p>{escape(exhibit.text)}</p>
<div class="pair">
<figure class="raw"><div class="scroll{"" if len(exhibit.raw) == 1 else " many"}">
{strips}
</div><figcaption>raw: {count}; a click shows the whole</figcaption></figure>
<figure class="made"><a href="{picture}"><img src="{picture}" alt="{title}"></a></figure>
</div>
<table><tr>{head}</tr>
{rows}
</table>
<p>{quality}. All of it is in the <a href="{escape(exhibit.report)}">report</a>;
the <a href="{escape(exhibit.truth)}">truth</a> lies beside the strips.</p>"""
