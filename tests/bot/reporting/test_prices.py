"""Price tables: what can be used, and in which words the rest is refused."""

import pytest

from bot.reporting import Price, PriceError, parse_prices


def test_a_price_table_is_read() -> None:
    prices = parse_prices('currency = " EUR "\n[models."m-1"]\nprompt = 1\ncompletion = 0.5\n', source="p.toml")
    assert prices.currency == "EUR"
    assert prices.models == {"m-1": Price(prompt=1.0, completion=0.5)}
    assert prices.models["m-1"].compute_cost(prompt_tokens=2_000_000, completion_tokens=1_000_000) == 2.5


def test_the_currency_may_be_left_out() -> None:
    assert parse_prices("[models.m]\nprompt = 0\ncompletion = 0", source="p.toml").currency == "USD"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no model"),
        ("models = 3", "has no model"),
        ("[models]", "has no model"),
        ("prices = 1", "'prices' is not known"),
        ("[models.m", "is no TOML"),
        ("currency = 5\n[models.m]\nprompt = 1\ncompletion = 1", "`currency` must be a short text"),
        ("[models.m]\nprompt = 1", "model 'm': write `prompt` and `completion`"),
        ("[models.m]\nprompt = 1\ncompletion = 1\ncached = 1", "model 'm': write `prompt` and `completion`"),
        ("[models]\nm = 1", "model 'm': write `prompt` and `completion`"),
        ("[models.m]\nprompt = -1\ncompletion = 1", "`prompt` must be a number, 0 or above"),
        ("[models.m]\nprompt = 1\ncompletion = nan", "`completion` must be a number, 0 or above"),
        ("[models.m]\nprompt = true\ncompletion = 1", "`prompt` must be a number, 0 or above"),
        ('[models.m]\nprompt = "1"\ncompletion = 1', "`prompt` must be a number, 0 or above"),
    ],
)
def test_a_table_that_cannot_be_used_is_named_with_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(PriceError) as caught:
        parse_prices(text, source="p.toml")
    assert str(caught.value).startswith("p.toml")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# prices\n[models.m]\nprompt = 1\ncompletion = -1\n", 4),
        ('[models.a]\nprompt = 1\ncompletion = 1\n\n[models."b-1"]\nprompt = 1\n', 5),
        ("\ncurrency = 5\n[models.m]\nprompt = 1\ncompletion = 1\n", 2),
        ("[models.m]\nprompt = 1\ncompletion =\n", 3),
    ],
)
def test_what_is_wrong_has_its_line(text: str, line: int) -> None:
    with pytest.raises(PriceError, match=rf"line {line}\)?$"):
        parse_prices(text, source="p.toml")
