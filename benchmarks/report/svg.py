"""Figures as inline SVG whose colours are the page's CSS variables, so that one figure serves light and dark."""

import html
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

_ROLES = ("card", "ink", "muted", "grid", "s1", "s2", "s3", "s4", "s5", "s6")
COLOUR = {role: f"#0000{number:02x}" for number, role in enumerate(_ROLES, start=1)}
"""Role in the page's style sheet -> the stand-in colour that a figure is drawn with."""

_ROLE_OF = {colour: role for role, colour in COLOUR.items()}
_STAND_IN = re.compile("|".join(COLOUR.values()), re.IGNORECASE)
_WIDTH_IN = 4.9  # at 72 points per inch a phone of 360 px shows the text at its own size

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.edgecolor": COLOUR["muted"],
    "axes.labelcolor": COLOUR["ink"],
    "axes.titlecolor": COLOUR["ink"],
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": COLOUR["grid"],
    "grid.linewidth": 0.8,
    "xtick.color": COLOUR["muted"],
    "xtick.labelcolor": COLOUR["ink"],
    "ytick.color": COLOUR["muted"],
    "ytick.labelcolor": COLOUR["ink"],
    "text.color": COLOUR["ink"],
    "legend.frameon": False,
    "legend.labelcolor": COLOUR["ink"],
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "figure.constrained_layout.use": True,
}


@contextmanager
def drawing(height_in: float) -> Iterator[Figure]:
    """A figure of the page's width, in its style; draw and call `to_svg` inside the block."""
    with mpl.rc_context(_STYLE):
        yield Figure(figsize=(_WIDTH_IN, height_in))


def to_svg(figure: Figure, name: str, alt: str, told: Mapping[str, str] | None = None) -> str:
    """The figure as an `<svg>` element.

    Args:
        figure: made by `drawing`.
        name: unique on the page: keeps the ids of several figures apart, and the same in every run.
        alt: what it shows, for people who hear the page.
        told: gid of a mark -> what is shown where a pointer rests on it.
    """
    with mpl.rc_context({"svg.hashsalt": name}):
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawn = stream.getvalue()
    (view_box,) = re.findall(r'viewBox="[^"]*"', drawn)
    body = drawn[drawn.index("<g ") :]
    body = re.sub(r'(id="|url\(#|xlink:href="#)', rf"\g<1>{name}-", body)
    for gid, text in (told or {}).items():
        mark = f'<g id="{name}-{gid}">'
        body = body.replace(mark, f"{mark}<title>{html.escape(text)}</title>")
    body = _STAND_IN.sub(lambda match: f"var(--{_ROLE_OF[match.group().lower()]})", body)
    return f'<svg role="img" aria-label="{html.escape(alt)}" {view_box}>\n{body}'
