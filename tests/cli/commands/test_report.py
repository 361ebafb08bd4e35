"""`suggest report`: as text, as JSON by its schema, as one page; what is asked wrongly is one clear line."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cli.database_location import mark_demonstration
from cli.render import numbers
from cli.repositories import open_records
from tests.cli.conftest import Suggest
from tests.cli.files import listed, read, write
from tests.reportlog import Asked, Drafted, dismissed, edited, failed, record, used

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "report.schema.json").read_text(encoding="utf-8"))
PRICES = '[models."small"]\nprompt = 1000\ncompletion = 2000\n'
NASTY = "<script>alert('1')</script> & \"<b>\u202e"


def team(agents: int = 12) -> list[Asked]:
    """The same few requests of each agent, in two weeks."""
    each = (used(), used(2), edited(0.7), dismissed("wrong_tone"), failed(), Asked(status="expired"))
    return [
        replace(asked, agent=f"U{number:02}", after=timedelta(days=7 * (turn % 2)))
        for number in range(agents)
        for turn, asked in enumerate(each)
    ]


async def recorded(*log: Asked, file: str = "suggest.db") -> None:
    async with open_records(f"sqlite:///{file}") as records:
        await record(records.database, log)


def valid(text: str) -> Any:
    report = json.loads(text)
    Draft202012Validator(SCHEMA).validate(report)
    return report


# --- as text ----------------------------------------------------------------------------------------------


async def test_text_tells_shares_with_denominators_and_intervals(suggest: Suggest) -> None:
    await recorded(*team())
    result = await suggest("report")
    assert result.code == 0
    assert result.err == ""
    assert "72 requests by 12 agents, 144 drafts" in result.out
    assert re.search(r"accepted +60\.0% .*not enough data|accepted +60\.0%.* to .* 36 of 60", result.out)
    assert "Wrong tone" in result.out
    assert "No price is known: set SUGGEST_PRICES" in result.out
    assert "\x1b" not in result.out


async def test_what_is_too_little_is_told_as_such(suggest: Suggest) -> None:
    await recorded(used(), dismissed())
    out = (await suggest("report")).out
    assert "50.0%" in out
    assert "not enough data" in out
    assert "Only 1 agent asked" in out


async def test_an_empty_log_is_told(suggest: Suggest) -> None:
    await recorded()
    for options in ((), ("--by", "style"), ("--since", "2030-01-01")):
        result = await suggest("report", *options)
        assert (result.code, result.err) == (0, "")
        assert "No requests: not enough data for anything." in result.out


@pytest.mark.parametrize("width", [40, 60, 76, 80, 200])
async def test_no_line_is_wider_than_the_terminal(
    suggest: Suggest, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    long = "a style with a name that goes on, and on, and on"
    await recorded(*team(), *(used(drafts=(Drafted(style=long, position=1), Drafted(position=2))) for _ in range(30)))
    out = (await suggest("report", "--by", "style")).out
    assert max(len(line.rstrip()) for line in out.splitlines()) <= width
    assert "60.0%" in out


async def test_names_are_not_obeyed_by_the_terminal(suggest: Suggest) -> None:
    await recorded(used(drafts=(Drafted(style="\x1b[31mred[/b]", position=1, model="\x1b]0;x\x07"),)))
    out = (await suggest("report", "--by", "style")).out
    assert "\x1b" not in out
    assert "red[/b]" in out


async def test_a_report_opens_with_three_sentences(suggest: Suggest) -> None:
    """Each with as much as the intervals allow, as text and on the page."""
    await recorded(*team(24))
    out = " ".join((await suggest("report")).out.split())
    assert "1. Three of five sets of replies were accepted (60.0%; " in out
    assert "2. Chief complaint: “Wrong tone”, 100% of refusals." in out
    assert "3. Warm is picked more often" in out or "3. No style is clearly picked more often than the others." in out
    made = " ".join((await page(suggest)).texts)
    assert "Three of five sets of replies were accepted" in made
    assert "What became of requests" in made


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ((), ()),
        (
            (used(), dismissed()),
            (
                "1. Half of the sets of replies were accepted (50.0%, 1 of 2): not enough data to say more.",
                "2. Nobody said why: 1 set of replies refused, without a reason.",
                "3. Styles cannot be compared yet: not enough data.",
            ),
        ),
        (
            (used(), dismissed("incorrect")),
            (
                "2. Too few refusals to name a chief complaint: not enough data.",
                "The most frequent is “Something is wrong”",
            ),
        ),
        ((used(),), ("1. All sets of replies were accepted", "2. Nobody refused a set of replies")),
        ((failed(),), ("1. No replies were shown in this time",)),
    ],
    ids=["nothing", "two", "a reason", "one", "failed"],
)
async def test_sentences_claim_no_more_than_is_known(
    suggest: Suggest, log: tuple[Asked, ...], told: tuple[str, ...]
) -> None:
    await recorded(*log)
    out = " ".join((await suggest("report")).out.split())
    assert [each for each in told if each not in out] == []
    assert ("1. " in out) == bool(log)


async def test_by_may_be_repeated(suggest: Suggest) -> None:
    await recorded(*team())
    result = await suggest("report", "--json", "--by", "channel", "--by", "style", "--by", "channel")
    assert [each["by"] for each in valid(result.out)["breakdowns"]] == ["style", "channel"]
    texts = (await page(suggest, "--by", "channel", "--by", "surface")).texts
    assert {"By channel", "By surface", "By style"} <= set(texts)


async def test_times_may_be_told_as_so_long_ago(suggest: Suggest) -> None:
    await recorded(used())
    assert valid((await suggest("report", "--json", "--since", "7d")).out)["totals"]["eligible"] == 0
    assert (
        valid((await suggest("report", "--json", "--since", "5000d", "--until", "1 h")).out)["totals"]["eligible"] == 1
    )


async def test_texts_are_shown_without_personal_data_and_may_be_left_out(suggest: Suggest) -> None:
    question = "Where is my parcel? Write to ada@example.com"
    await recorded(used(question=question), used(question=question), dismissed("incorrect", question=question))
    found = valid((await suggest("report", "--json")).out)["texts"]
    assert found["questions"] == [
        {"question": "Where is my parcel? Write to [EMAIL_1]", "requests": 3, "shown": 3, "accepted": 2}
    ]
    assert (len(found["used"]), found["dismissed"][0]["reason"]) == (2, "incorrect")
    assert "ada@example.com" not in (await suggest("report")).out
    assert "ada@example.com" not in "".join((await page(suggest)).texts)
    assert valid((await suggest("report", "--json", "--no-texts")).out)["texts"] is None


async def test_list_prices_hold_where_no_table_names_a_model(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    drafts = tuple(
        Drafted(position=n, model=model, tokens=(1_000_000, 0))
        for n, model in enumerate(("gpt-4o-mini", "openai/gpt-4o-mini-2024-07-18", "our-own"), 1)
    )
    await recorded(used(drafts=drafts))
    cost = valid((await suggest("report", "--json")).out)["cost"]
    assert (cost["total"], cost["unpriced"], cost["currency"]) == (pytest.approx(0.3), ["our-own"], "USD")
    assert "List prices of" in (await suggest("report")).out
    write("prices.toml", '[models."gpt-4o-mini"]\nprompt = 1\ncompletion = 1\n')
    monkeypatch.setenv("SUGGEST_PRICES", "prices.toml")
    assert valid((await suggest("report", "--json")).out)["cost"]["total"] == pytest.approx(1.15)
    write("prices.toml", 'currency = "EUR"\n[models."gpt-4o-mini"]\nprompt = 1\ncompletion = 1\n')
    cost = valid((await suggest("report", "--json")).out)["cost"]
    assert (cost["total"], cost["prices_of"]) == (1, None)


async def test_the_time_saved_follows_from_its_assumption(suggest: Suggest) -> None:
    await recorded(used(decision_ms=30_000), edited(0.5, decision_ms=30_000), dismissed(decision_ms=3_600_000))
    saved = valid((await suggest("report", "--json", "--minutes-per-reply", "2")).out)["time_saved"]
    assert (saved["minutes_per_reply"], saved["accepted"], saved["spent_minutes"]) == (2, 2, 3), "an hour is 2 minutes"
    assert (saved["saved_minutes"], saved["per_accepted_minutes"]) == (1, 0.5)
    out = " ".join((await suggest("report")).out.split())
    assert "2 accepted replies at 3 minutes by hand (an assumption: --minutes-per-reply sets it)" in out


# --- as JSON ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [None, "style", "model", "prompt", "channel", "surface", "agent"])
async def test_json_is_valid_by_its_schema(suggest: Suggest, by: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    write("prices.toml", PRICES)
    monkeypatch.setenv("SUGGEST_PRICES", "prices.toml")
    await recorded(*team(), used(policy="plackett_luce", order=0.9), used(policy="unlogged", order=None))
    options = () if by is None else ("--by", by, "--individuals")
    report = valid((await suggest("report", "--json", *options)).out)
    assert report["totals"]["eligible"] == 74
    assert (report["breakdown"] and report["breakdown"]["by"]) == by
    assert report["cost"]["total"] == pytest.approx(24 * 5 * 0.12 + 4 * 0.12)


async def test_json_of_nothing_is_valid_too(suggest: Suggest) -> None:
    await recorded()
    report = valid((await suggest("report", "--json", "--by", "style")).out)
    assert report["rates"][0]["estimate"]["value"] is None
    assert report["breakdown"] == {"by": "style", "groups": [], "notes": []}


# --- as a page --------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a page is made of; every element must be closed in its place."""

    _EMPTY = frozenset({"meta"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self._EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


async def page(suggest: Suggest, *options: str) -> Page:
    result = await suggest("report", "--html", "report.html", *options)
    assert (result.code, result.out, result.err) == (0, "", "Written to report.html\n")
    return Page(read("report.html"))


async def test_a_page_has_charts_with_titles_and_a_table_under_each(suggest: Suggest) -> None:
    await recorded(*team())
    made = await page(suggest, "--by", "style")
    assert made.tags.count("table") == 10 + 3, "reasons by style, channel and language have no chart"
    assert made.tags.count("figure") == 10 + 1, "two charts of what became of requests"
    assert {"script", "link", "img", "iframe"}.isdisjoint(made.tags)
    assert not [value for name, value in made.attributes if name in {"src", "href", "style", "onload"}]
    roles = [value for name, value in made.attributes if name == "role"]
    assert roles.count("img") == 11
    assert "http" not in re.sub(r"http-equiv", "", read("report.html"))


@pytest.mark.parametrize("by", ["style", "model", "prompt", "channel", "surface", "agent"])
async def test_a_page_by_anything(suggest: Suggest, by: str) -> None:
    await recorded(*team())
    assert f"By {by}" in (await page(suggest, "--by", by, "--individuals")).texts


async def test_every_text_is_escaped(suggest: Suggest) -> None:
    drafts = (Drafted(style=NASTY, model=NASTY, position=1), Drafted(position=2))
    await recorded(*(used(drafts=drafts, channel=NASTY, prompt=NASTY, team=NASTY, agent=f"U{n}") for n in range(8)))
    for by in ("style", "model", "channel", "prompt"):
        made = await page(suggest, "--by", by, "--team", NASTY)
        assert {"script", "b"}.isdisjoint(made.tags)
        assert any("<script>alert('1')</script> & \"<b>\ufffd" in text for text in made.texts), by


@pytest.mark.parametrize(
    "log", [(), (used(),), (failed(),), (dismissed(),), tuple(team(3))], ids=["nothing", "one", "failed", "no", "few"]
)
async def test_a_page_of_little_is_whole(suggest: Suggest, log: tuple[Asked, ...]) -> None:
    await recorded(*log)
    made = await page(suggest, "--by", "style")
    assert any("not enough data" in text for text in made.texts)
    assert "nan" not in read("report.html").lower().replace("financ", "")


async def test_a_page_takes_the_place_of_the_last_one(suggest: Suggest) -> None:
    await recorded(*team())
    write("report.html", "the report of last week")
    await page(suggest)
    assert listed() == ["report.html", "suggest.db"]


async def test_a_page_and_json_at_once(suggest: Suggest) -> None:
    await recorded(*team())
    result = await suggest("report", "--html", "report.html", "--json")
    assert valid(result.out)["totals"]["eligible"] == 72
    assert Page(read("report.html")).tags


async def test_a_page_may_go_to_stdout_alone(suggest: Suggest) -> None:
    await recorded(*team())
    result = await suggest("report", "--html", "-")
    assert Page(result.out).tags
    assert result.err == ""
    both = await suggest("report", "--html", "-", "--json")
    assert (both.code, both.out) == (2, "")
    assert both.complaint == "--html - and --json would both go to stdout: give --html a file"


@pytest.mark.parametrize(
    ("output", "reason"),
    [("no/such/folder/x.html", "No such file or directory"), (".", "Is a directory"), ("/dev/full", "No space left")],
)
async def test_a_page_that_cannot_be_written_is_one_line(suggest: Suggest, output: str, reason: str) -> None:
    await recorded(*team())
    result = await suggest("report", "--html", output)
    assert result.code == 1
    assert result.complaint.startswith(f"{output} cannot be written: {reason}")
    assert listed() == ["suggest.db"]


# --- what is asked ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--since", "yesterday"), "--since 'yesterday' is no date or time: write it like 2026-11-01"),
        (("--until", "2026-13-01"), "--until '2026-13-01' is no date or time"),
        (("--since", "2026-12-01", "--until", "2026-11-01"), "--since '2026-12-01' is not before --until '2026-11-01'"),
        (("--since", "2026-11-01", "--until", "2026-11-01"), "--since '2026-11-01' is not before --until '2026-11-01'"),
        (("--by", "weather"), "invalid value for '--by': 'weather' is not one of 'style', 'model'"),
        (("--by", "agent"), "--by agent tells single people apart: if you are to know that, add --individuals"),
    ],
)
async def test_what_is_asked_wrongly_is_one_line(suggest: Suggest, options: tuple[str, ...], complaint: str) -> None:
    await recorded(used())
    result = await suggest("report", *options)
    assert (result.code, result.out) == (2, "")
    assert result.complaint.startswith(complaint)


async def test_a_team_that_never_asked_is_a_slip_and_a_quiet_one_is_not(suggest: Suggest) -> None:
    await recorded(used(team="T1"))
    result = await suggest("report", "--team", "T2")
    assert (result.code, result.out) == (1, "")
    assert result.complaint == "--team 'T2': suggest.db has no request of it"
    assert (await suggest("report", "--team", "T1", "--since", "2030-01-01")).code == 0
    assert "1 request" in (await suggest("report", "--team", "T1")).out


async def test_a_database_that_is_not_there_is_not_made(suggest: Suggest) -> None:
    result = await suggest("report", "--html", "report.html")
    assert result.code == 2
    assert result.complaint.startswith("there is no database suggest.db")
    assert listed() == []


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (None, "SUGGEST_PRICES: prices.toml cannot be read: No such file or directory"),
        (
            "[models.m]\nprompt = -1\ncompletion = 1",
            "SUGGEST_PRICES: prices.toml, model 'm': `prompt` must be a number",
        ),
        ("nonsense", "SUGGEST_PRICES: prices.toml is no TOML"),
    ],
)
async def test_a_price_table_with_errors_is_one_line(
    suggest: Suggest, table: str | None, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUGGEST_PRICES", "prices.toml")
    await recorded(used())
    if table is not None:
        write("prices.toml", table)
    result = await suggest("report")
    assert result.code == 2
    assert result.complaint.startswith(complaint)


async def test_a_price_table_that_is_no_text_is_one_line(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUGGEST_PRICES", "suggest.db")
    await recorded(used())
    assert (await suggest("report")).complaint.startswith("SUGGEST_PRICES: suggest.db is")


async def test_costs_that_are_not_whole_say_so(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    write("prices.toml", PRICES)
    monkeypatch.setenv("SUGGEST_PRICES", "prices.toml")
    await recorded(used(), used(drafts=(Drafted(position=1, model="other"), Drafted(position=2, tokens=None))))
    out = " ".join((await suggest("report")).out.split())
    assert "0.24 USD in all, 120.00 USD for 1,000 accepted replies" in out
    assert "At least: no price for other; 1 drafts without a count of tokens." in out


async def test_simulated_requests_count_where_they_are_asked_for_and_in_a_demonstration(suggest: Suggest) -> None:
    await recorded(used(), used(simulated=True))
    assert valid((await suggest("report", "--json")).out)["totals"]["eligible"] == 1
    assert "Left out: 1 request that no real model answered" in " ".join((await suggest("report")).out.split())
    assert valid((await suggest("report", "--json", "--include-simulated")).out)["totals"]["eligible"] == 2
    async with open_records("sqlite:///suggest.db") as records:
        await mark_demonstration(records, actor="test")
    assert valid((await suggest("report", "--json")).out)["totals"]["eligible"] == 2


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0, "0"),
        (9_999, "9,999"),
        (10_000, "10.0 K"),
        (99_951, "100 K"),
        (999_500, "1.0 M"),
        (11_821_884, "11.8 M"),
        (123_456_789, "123 M"),
        (2.5e12, "2.5 T"),
    ],
)
def test_large_numbers_fit_a_tile(value: float, told: str) -> None:
    assert numbers.format_short(value) == told
