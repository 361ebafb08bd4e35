"""Citations: taken out of a reply in whatever form, and believed only where the number was given."""

import pytest

from bot.knowledge.passages import SourcePassage, take_out_citations

PASSAGES = [SourcePassage(id=f"d{n}", title=f"T{n}", date="2026-11-01", text="…") for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("text", "left", "cited"),
    [
        ("Within 30 days [1].", "Within 30 days.", {"d1"}),
        ("Within 30 days. [1, 3]", "Within 30 days.", {"d1", "d3"}),
        ("Free[1][2].", "Free.", {"d1", "d2"}),
        ("Free [^2].", "Free.", {"d2"}),
        ("三天內【1】【2】。", "三天內。", {"d1", "d2"}),
        ("三天內［1］。", "三天內。", {"d1"}),
        ("Free [7].", "Free.", set()),
        ("Free [1; 9].", "Free.", {"d1"}),
        ("Write to [EMAIL_1] (1), see [docs](https://a.example) or a[x].", None, set()),
        ("Step [12345] of [1a]", None, set()),
        ("Nothing", None, set()),
    ],
)
def test_citations_are_taken_out_and_checked(text: str, left: str | None, cited: set[str]) -> None:
    told, sources = take_out_citations(text, PASSAGES)
    assert told == (text if left is None else left)
    assert {source["id"] for source in sources if source["cited"]} == cited
    assert [source["id"] for source in sources] == ["d1", "d2", "d3"], "what was given and not cited is recorded, too"


def test_without_passages_a_reply_stays_as_it_is() -> None:
    assert take_out_citations("See [1].", []) == ("See [1].", [])
