"""Pages by Jinja's templates: one file each, no script, nothing loaded from elsewhere, every text escaped."""

import re
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cli.render import numbers
from cli.render.html import axes
from cli.render.printable import make_printable
from storage.fields import to_iso


def render_page(template: str, **context: object) -> str:
    """Render a template. Names in `context` are what the template calls them."""
    return _make_environment().get_template(template).render(context) + "\n"


@cache
def _make_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("cli.render.html"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        optimized=False,  # a page is rendered once: folding constants takes longer than it saves
    )
    environment.filters |= _FILTERS
    return environment


def _finalize(value: object) -> object:
    """Prepare what stands between braces: None is nothing, a float has two digits at most, texts are printable."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    if isinstance(value, str) and not isinstance(value, Markup):
        return make_printable(value)
    return value


def _make_slug(title: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in title.lower())


def _keep_figures(text: str) -> str:
    """Keep a figure and what it counts on one line."""
    return re.sub(r"(?<=\d) (?=(?:s|ms|min|h|of)\b)|(?<=\bof) (?=\d)", "\N{NO-BREAK SPACE}", text)


_FILTERS: Final = {
    "slug": _make_slug,
    "iso": to_iso,
    "number": numbers.format_number,
    "short": numbers.format_short,
    "percent": numbers.format_percent,
    "interval": numbers.format_interval,
    "points": numbers.format_points,
    "points_interval": numbers.format_points_interval,
    "cases": numbers.format_cases,
    "duration": numbers.format_duration,
    "keep_figures": _keep_figures,
    "round_time": numbers.format_round_time,
    "day": numbers.format_day,
    "reason": numbers.format_reason,
    "note": numbers.describe_note,
    "money": numbers.format_money,
    "axis_end": axes.choose_axis_end,
    "reach": axes.choose_reach,
    "decades": axes.make_decades,
}
