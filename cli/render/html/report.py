"""A report as one HTML file: charts, a table under each, nothing from elsewhere. Light, dark and on paper."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import resources
from typing import Final

from bot.reporting import Report
from bot.reporting.report import Breakdown, Cost, Group, Note, PositionShares, Rate, Week
from bot.stats.cluster_intervals import Estimate
from cli.render import numbers
from cli.render.html import charts
from cli.render.html.charts import Bar, Part
from cli.render.html.markup import Markup, element, raw
from storage.tables import to_iso

LONG: Final = 14
"""Rows beyond which a table scrolls by itself, but for on paper."""

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_OUTCOMES: Final = ("used", "edited", "dismissed", "redrafted", "expired", "open", "failed", "never_shown")
_OF_DRAFTS: Final = ("style", "model")


def render_report(report: Report) -> str:
    """Render the whole page."""
    title = f"Report: {numbers.format_period(report.period)}"
    sections = [section for make in _SECTIONS for section in make(report)]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", raw(_read_style())),
    )
    main = element(
        "main",
        _render_header(report),
        _render_figures(report),
        element("div", sections, class_="sections"),
        _render_footer(report),
    )
    return f'<!doctype html>\n<html lang="en">{head}<body>{main}</body></html>\n'


@cache
def _read_style() -> str:
    return resources.files("cli.render.html").joinpath("page.css").read_text(encoding="utf-8")


def _render_header(report: Report) -> Markup:
    totals = report.totals
    team = [] if report.team_id is None else [", workspace ", report.team_id]
    line = (
        f"{_count_noun(totals.eligible, 'request')} by {_count_noun(totals.agents, 'agent')}, "
        f"{_count_noun(totals.drafts, 'draft')}"
        if totals.eligible
        else "No requests: not enough data for anything."
    )
    return element(
        "header",
        element("h1", "What became of the replies"),
        element("p", numbers.format_period(report.period), team),
        element("p", line),
        _render_notes(report.notes),
    )


def _render_figures(report: Report) -> Markup | None:
    if not report.totals.eligible:
        return None
    accepted, used = _find_rate(report.rates, "accepted", "shown"), _find_rate(report.rates, "used", "accepted")
    decision = next(each for each in report.latency if each.step == "decision")
    told = (
        ("Accepted, of shown", numbers.format_percent(accepted.value), _class_by_reliability(accepted)),
        ("Used as it was, of accepted", numbers.format_percent(used.value), _class_by_reliability(used)),
        (
            "Half of the choices within",
            numbers.format_duration(decision.p50),
            f"nine of ten within {numbers.format_duration(decision.p90)}",
        ),
        _render_cost_figure(report),
    )
    return element(
        "div",
        [
            element(
                "dl",
                element("dt", name),
                element("dd", value, class_="value"),
                element("dd", more, class_="more"),
                class_="figure",
            )
            for name, value, more in told
        ],
        class_="figures",
    )


def _render_cost_figure(report: Report) -> tuple[str, str, str]:
    cost = report.cost
    if cost.per_accepted is None:
        tokens = sum(each.prompt_tokens + each.completion_tokens for each in cost.models)
        return (
            "Tokens, read and written",
            numbers.format_short(tokens),
            f"{numbers.format_number(tokens)}; no price is known for them",
        )
    more = f"{numbers.format_money(cost.total, cost.currency)} in all"
    incomplete = ", at least" if numbers.describe_incomplete_cost(report) else ""
    return (
        "Cost of 1,000 accepted replies",
        numbers.format_money(1000 * cost.per_accepted, cost.currency),
        f"{more}{incomplete}",
    )


def _render_outcomes(report: Report) -> Iterator[Markup]:
    totals = report.totals
    if not totals.eligible:
        return
    found = [Part(label=numbers.SHORT[name], count=getattr(totals, name), tone=name) for name in _OUTCOMES]
    there = [part for part in found if part.count]
    key = element(
        "ul",
        [
            element(
                "li",
                element("span", class_=f"swatch {part.tone}"),
                f"{part.label} {numbers.format_percent(part.count / totals.eligible)}",
            )
            for part in there
        ],
        class_="key",
    )
    rows = [_render_estimate_row(numbers.RATES[rate.case, rate.of], rate.estimate) for rate in report.rates]
    yield _render_section(
        "What became of requests",
        f"All {numbers.format_number(totals.eligible)} eligible requests, each counted once. Below, shares with the "
        "certainty "
        f"that {_count_noun(totals.agents, 'agent')} allow.",
        [
            element("figure", charts.draw_parts("Outcomes of all eligible requests", there), key),
            element(
                "figure", charts.draw_bars("Shares of shown requests, with 95% intervals", _list_shown_bars(report))
            ),
        ],
        _render_table("Shares of requests", ("", "share", "95% interval", "cases"), rows),
        wide=True,
    )


def _list_shown_bars(report: Report) -> list[Bar]:
    return [
        Bar(
            label=numbers.RATES[rate.case, rate.of],
            estimate=rate.estimate,
            told=numbers.format_percent(rate.estimate.value),
        )
        for rate in report.rates
        if rate.of == "shown"
    ]


def _render_weeks(report: Report) -> Iterator[Markup]:
    if not report.weeks:
        return
    title, headings = (
        "Week by week",
        ("week of", "agents", "shown", "accepted", "95% interval", "used as it was", "95% interval"),
    )
    rows = [_render_week_row(week) for week in report.weeks]
    if len(report.weeks) < 2:
        yield _render_section(
            title,
            "One week has requests in it: not enough data for a line.",
            None,
            _render_table("Weeks", headings, rows),
            wide=True,
        )
        return
    lines = [
        (tone, [_find_rate(week.rates, case, "shown") for week in report.weeks])
        for tone, case in (("first", "accepted"), ("second", "used"))
    ]
    key = element(
        "ul",
        element("li", element("span", class_="swatch first"), "accepted, of shown"),
        element("li", element("span", class_="swatch second"), "used as it was, of shown"),
        class_="key",
    )
    chart = charts.draw_weekly("Accepted and used as it was, of shown, by week", report.weeks, lines)
    yield _render_section(
        title,
        "Shares of what was shown, in bands from low to high. Hollow weeks are counted in part.",
        element("figure", chart, key),
        _render_table("Weeks", headings, rows),
        wide=True,
    )


def _render_week_row(week: Week) -> list[object]:
    accepted, used = _find_rate(week.rates, "accepted", "shown"), _find_rate(week.rates, "used", "shown")
    return [
        numbers.format_day(week.start) + ("" if week.is_whole else " (in part)"),
        numbers.format_number(week.agents),
        numbers.format_number(week.shown),
        numbers.format_percent(accepted.value),
        _render_note(numbers.format_interval(accepted)),
        numbers.format_percent(used.value),
        _render_note(numbers.format_interval(used)),
    ]


def _render_changes(report: Report) -> Iterator[Markup]:
    found = report.week_over_week
    if found is None:
        return
    bars = [
        Bar(
            label=numbers.RATES[each.case, each.of],
            estimate=each.difference,
            told=numbers.format_points(each.difference.value),
        )
        for each in found.changes
    ]
    rows = [
        [
            numbers.RATES[each.case, each.of],
            numbers.format_percent(each.before.value),
            numbers.format_percent(each.after.value),
            numbers.format_points(each.difference.value),
            _render_note(numbers.format_points_interval(each.difference)),
        ]
        for each in found.changes
    ]
    yield _render_section(
        "The last week, beside the week before",
        f"The weeks of {numbers.format_day(found.before)} and {numbers.format_day(found.after)}. A coloured line "
        "that does not touch "
        "the middle is a change; a grey one may be chance.",
        element("figure", charts.draw_differences("Change from week to week", bars)),
        _render_table("Change from week to week", ("", "before", "after", "difference", "95% interval"), rows),
    )


def _render_breakdown(report: Report) -> Iterator[Markup]:
    found = report.breakdown
    if found is None:
        return
    title = f"By {numbers.BY[found.by][0]}"
    if not found.groups:
        yield _render_section(title, f"No {numbers.BY[found.by][1]}: {numbers.NOT_ENOUGH}.", None, None, wide=True)
        return
    shown = [group for group in found.groups if not group.is_withheld]
    of_drafts = found.by in _OF_DRAFTS
    lede = (
        "How often a display was picked. The mark is an even share: what it would be if picks were spread evenly over "
        "what was shown together."
        if of_drafts
        else "Accepted, of shown."
    )
    bars = [_render_group_bar(group, of_drafts=of_drafts) for group in shown]
    top = charts.choose_axis_end([bar.estimate for bar in bars])
    chart = element("figure", charts.draw_bars(f"{title}: {lede}", bars, top=top)) if bars else None
    table = _render_draft_groups(found) if of_drafts else _render_request_groups(found)
    yield _render_section(title, lede, [_render_notes(found.notes), chart], table, wide=True)


def _render_group_bar(group: Group, *, of_drafts: bool) -> Bar:
    case, of = ("picked", "displays") if of_drafts else ("accepted", "shown")
    estimate = _find_rate(group.rates, case, of)
    return Bar(
        label=numbers.format_group_title(group),
        estimate=estimate,
        told=numbers.format_percent(estimate.value),
        expected=group.even,
    )


def _render_draft_groups(found: Breakdown) -> Markup:
    headings = (
        *(
            numbers.BY[found.by][0],
            "drafts",
            "picked, of displays",
            "95% interval",
            "beside an even share",
            "95% interval",
        ),
        *("picked, of drafts", "used as it was, of picks", "failed", "hidden"),
    )
    rows = []
    for group in found.groups:
        picked, of_drafts = _find_rate(group.rates, "picked", "displays"), _find_rate(group.rates, "picked", "drafts")
        assert group.against_even is not None
        rows.append(
            [
                numbers.format_group_title(group),
                numbers.format_number(group.count),
                numbers.format_percent(picked.value),
                _render_note(numbers.format_interval(picked)),
                numbers.format_points(group.against_even.value),
                _render_note(numbers.format_points_interval(group.against_even)),
                numbers.format_percent(of_drafts.value),
                numbers.format_percent(_find_rate(group.rates, "used", "picks").value),
                numbers.format_percent(_find_rate(group.rates, "failed", "drafts").value),
                numbers.format_percent(_find_rate(group.rates, "near_duplicate", "drafts").value),
            ]
        )
    return _render_table(f"By {found.by}", headings, rows)


def _render_request_groups(found: Breakdown) -> Markup:
    cases = ("accepted", "used", "edited", "dismissed", "redrafted", "undecided")
    headings = (
        numbers.BY[found.by][0],
        "requests",
        "agents",
        "accepted",
        "95% interval",
        *(numbers.SHORT[each] for each in cases[1:]),
    )
    rows: list[list[object]] = []
    for group in found.groups:
        row: list[object] = [
            numbers.format_group_title(group),
            numbers.format_number(group.count),
            numbers.format_number(group.agents),
        ]
        if group.is_withheld:
            rows.append([*row, "withheld", *[_render_note(numbers.NOTHING)] * len(cases)])
            continue
        accepted = _find_rate(group.rates, "accepted", "shown")
        others = [numbers.format_percent(_find_rate(group.rates, each, "shown").value) for each in cases[1:]]
        rows.append(
            [*row, numbers.format_percent(accepted.value), _render_note(numbers.format_interval(accepted)), *others]
        )
    return _render_table(f"By {found.by}", headings, rows)


def _render_edits(report: Report) -> Iterator[Markup]:
    edits = report.edits
    if not report.totals.eligible:
        return
    title = "How much of the reply edits kept"
    if not edits.known:
        yield _render_section(title, f"No edits: {numbers.NOT_ENOUGH}.", None, None)
        return
    rows = [
        [
            f"{each.low:.2f} to {each.high:.2f}",
            numbers.format_number(each.edits),
            numbers.format_percent(each.edits / edits.known),
        ]
        for each in edits.bins
        if each.edits
    ]
    yield _render_section(
        title,
        f"{_count_noun(edits.known, 'edit')}: the similarity of what was sent to the candidate, 1 is all of it. Half "
        "of them "
        f"lie between {edits.lower_quartile:.2f} and {edits.upper_quartile:.2f}; the median is {edits.median:.2f}.",
        element("figure", charts.draw_columns("Edits by similarity", edits.bins)),
        _render_table("Edits by similarity", ("similarity", "edits", "share"), rows),
    )


def _render_dismissals(report: Report) -> Iterator[Markup]:
    if not report.totals.eligible:
        return
    if not report.dismissals:
        yield _render_section(
            "Why candidates were dismissed", f"Nothing was dismissed: {numbers.NOT_ENOUGH}.", None, None
        )
        return
    bars = [
        Bar(
            label=numbers.format_word(each.reason),
            estimate=each.estimate,
            told=numbers.format_percent(each.estimate.value),
        )
        for each in report.dismissals
    ]
    top = charts.choose_axis_end([bar.estimate for bar in bars])
    yield _render_section(
        "Why candidates were dismissed",
        "Reasons are asked for after the dismissal, and need not be given.",
        element("figure", charts.draw_bars("Reasons for dismissals", bars, top=top)),
        _render_table(
            "Reasons for dismissals",
            ("reason", "share", "95% interval", "cases"),
            [_render_estimate_row(bar.label, bar.estimate) for bar in bars],
        ),
    )


def _render_places(report: Report) -> Iterator[Markup]:
    if report.totals.eligible and not report.places:
        lede = f"Nothing was picked where several were shown in a known order: {numbers.NOT_ENOUGH}."
        yield _render_section("What the place does", lede, None, None)
    for found in report.places:
        yield _render_position_shares(found)


def _render_position_shares(found: PositionShares) -> Markup:
    rows = [[f"place {place.position}", *_render_estimate_cells(place.estimate)] for place in found.places]
    first = found.places[0].estimate
    key = element("ul", element("li", element("span", class_="swatch expected"), "an even share"), class_="key")
    weighted = (
        ""
        if found.effective > 0.999 * found.picks
        else f", as telling as {numbers.format_number(found.effective)} even ones"
    )
    return _render_section(
        f"What the place does, of {found.shown_together}",
        f"The order is drawn by chance, so {numbers.format_percent(found.expected)} each would be picked if the "
        "place did not "
        f"matter. The first is picked in {numbers.format_percent(first.value)} of "
        f"{_count_noun(found.picks, 'pick')}{weighted}.",
        element("figure", charts.draw_places(f"Picks by place, of {found.shown_together}", found), key),
        _render_table("Picks by place", ("", "share", "95% interval", "cases"), rows),
    )


def _render_drafts(report: Report) -> Iterator[Markup]:
    drafts = report.drafts
    if not drafts.drafts:
        return
    found = [(f"failed: {numbers.format_word(each.error)}", each.drafts) for each in drafts.failures]
    found.append(("hidden: near-identical to another", drafts.near_duplicates))
    if drafts.not_selected:
        found.append(("not selected", drafts.not_selected))
    bars = [
        Bar(
            label=label,
            estimate=Estimate(value=count / drafts.drafts, cases=count, of=drafts.drafts, clusters=0),
            told=numbers.format_percent(count / drafts.drafts),
        )
        for label, count in found
    ]
    yield _render_section(
        "Drafts that were not shown",
        f"Of {_count_noun(drafts.drafts, 'draft')}. What fails is told to the agent; what repeats another is hidden.",
        element(
            "figure",
            charts.draw_bars("Drafts not shown", bars, top=charts.choose_axis_end([bar.estimate for bar in bars])),
        ),
        _render_table(
            "Drafts not shown",
            ("", "share", "drafts"),
            [[bar.label, bar.told, numbers.format_number(bar.estimate.cases)] for bar in bars],
        ),
    )


def _render_latency(report: Report) -> Iterator[Markup]:
    known = [each for each in report.latency if each.count]
    if not known:
        return
    rows = [
        [
            numbers.STEPS[each.step] if each.model is None else f"{each.model} alone",
            numbers.format_duration(each.p50),
            numbers.format_duration(each.p90),
            numbers.format_duration(each.p99),
            _render_note(numbers.format_number(each.count)),
        ]
        for each in known
    ]
    yield _render_section(
        "How long it took",
        "Half of them were done at the full dot, nine of ten at the second, 99 of 100 at the hollow one.",
        element("figure", charts.draw_latency("Times: p50, p90 and p99", known)),
        _render_table("Times", ("", "p50", "p90", "p99", "counted"), rows),
    )


def _render_cost(report: Report) -> Iterator[Markup]:
    cost = report.cost
    if not cost.models:
        return
    tokens = [each.prompt_tokens + each.completion_tokens for each in cost.models]
    whole = sum(tokens) or 1
    bars = [
        Bar(
            label=each.model,
            estimate=Estimate(value=count / whole, cases=count, of=whole, clusters=0),
            told=numbers.format_money(each.cost, cost.currency)
            if each.cost is not None
            else f"{numbers.format_number(count)} tokens",
        )
        for each, count in zip(cost.models, tokens, strict=True)
    ]
    total = f"{numbers.format_money(cost.total, cost.currency)} in all." if cost.total is not None else None
    found = (total, numbers.describe_incomplete_cost(report), numbers.describe_missing_prices(report))
    yield _render_section(
        "Tokens and cost",
        " ".join(line for line in found if line is not None),
        element("figure", charts.draw_bars("Tokens by model", bars)),
        _render_cost_table(cost),
    )


def _render_cost_table(cost: Cost) -> Markup:
    rows = [
        [
            each.model,
            numbers.format_number(each.drafts),
            numbers.format_number(each.prompt_tokens),
            numbers.format_number(each.completion_tokens),
            *([numbers.format_number(each.untold)] if cost.untold else []),
            numbers.format_money(each.cost, cost.currency) if each.cost is not None else "no price",
        ]
        for each in cost.models
    ]
    heads = ("model", "drafts", "read", "written", *(["untold"] if cost.untold else []), "cost")
    return _render_table("Tokens and cost", heads, rows)


def _render_words(report: Report) -> Iterator[Markup]:
    if report.totals.eligible:
        told = [[element("dt", word), element("dd", meaning)] for word, meaning in numbers.DEFINITIONS]
        yield _render_section(
            "Words", "What is counted, and how sure it is.", None, element("dl", told, class_="words"), wide=True
        )


_SECTIONS: Final = (
    _render_outcomes,
    _render_weeks,
    _render_breakdown,
    _render_changes,
    _render_places,
    _render_edits,
    _render_dismissals,
    _render_latency,
    _render_drafts,
    _render_cost,
    _render_words,
)


def _render_footer(report: Report) -> Markup:
    return element("footer", element("p", f"Made at {to_iso(report.made_at)} from the choice log. Times are in UTC."))


def _render_section(title: str, lede: str, chart: object, table: Markup | None, *, wide: bool = False) -> Markup:
    key = "".join(character if character.isalnum() else "-" for character in title.lower())
    return element(
        "section",
        element("h2", title, id=key),
        element("p", lede, class_="lede") if lede else None,
        chart,
        table,
        aria_labelledby=key,
        class_="whole" if wide else None,
    )


def _render_table(name: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Markup:
    head = element("tr", [element("th", heading, scope="col") for heading in headings])
    body = [
        element("tr", element("th", row[0], scope="row"), [element("td", cell) for cell in row[1:]]) for row in rows
    ]
    table = element("table", element("thead", head), element("tbody", body))
    size = "scroll long" if len(body) > LONG else "scroll"
    return element("div", table, class_=size, role="group", aria_label=f"{name}: table", tabindex="0")


def _render_estimate_row(label: str, estimate: Estimate) -> list[object]:
    return [label, *_render_estimate_cells(estimate)]


def _render_estimate_cells(estimate: Estimate) -> list[object]:
    return [
        numbers.format_percent(estimate.value),
        _render_note(numbers.format_interval(estimate)),
        _render_note(numbers.format_cases(estimate)),
    ]


def _find_rate(rates: Iterable[Rate], case: str, of: str) -> Estimate:
    return next(rate.estimate for rate in rates if (rate.case, rate.of) == (case, of))


def _render_notes(notes: Iterable[Note]) -> Markup | None:
    told = [element("li", numbers.describe_note(note)) for note in notes]
    return element("ul", told, class_="notes") if told else None


def _class_by_reliability(estimate: Estimate) -> str:
    return f"{numbers.format_interval(estimate)}, {numbers.format_cases(estimate)}"


def _render_note(text: str) -> Markup:
    return element("span", text, class_="quiet")


def _count_noun(count: int, noun: str) -> str:
    return f"{numbers.format_number(count)} {noun}{'' if count == 1 else 's'}"
