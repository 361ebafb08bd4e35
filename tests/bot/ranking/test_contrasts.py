"""Which style, model or prompt wins: found where it is so, not claimed where too little is known."""

import math
import random
from dataclasses import replace

import pytest

from bot.ranking.choice_sets import ChoiceSet
from bot.ranking.contrasts import EffectComparison, PairContrast, compare_effects
from tests.bot.ranking.logs import WORDS, make_choice_sets

STYLES = ("direct", "warm", "detailed")


def make_styled_log(
    count: int, effects: dict[str, float], *, agents: int = 15, models: dict[str, str] | None = None, seed: int = 5
) -> list[ChoiceSet]:
    """Three of these styles in each choice set, in an order of chance; picked by their effects and the first place."""
    rng = random.Random(seed)
    pattern = make_choice_sets(1)[0]
    found = []
    for number in range(count):
        styles = rng.sample(list(effects), 3)
        odds = [math.exp(effects[style] + 0.8 * (place == 0)) for place, style in enumerate(styles)]
        picked = rng.choices((0, 1, 2, None), [*odds, 0.5])[0]
        shown = tuple(
            replace(item, style=style, model=(models or {}).get(style, "m1"), text="A reply.")
            for item, style in zip(pattern.shown, styles, strict=True)
        )
        found.append(replace(pattern, shown=shown, picked=picked, agent=f"T1/U{number % agents}"))
    return found


def find_pair(comparison: EffectComparison, one: str, other: str) -> PairContrast:
    """Whichever way round it stands."""
    [found] = [each for each in comparison.pairs if {each.one, each.other} == {one, other}]
    return found


def test_what_is_better_is_found() -> None:
    comparison = compare_effects(make_styled_log(1500, {"direct": 0.0, "warm": 0.8, "detailed": 0.0}), weights="picks")
    assert comparison.standings[0].name == "warm"
    assert comparison.standings[0].best is not None
    assert comparison.standings[0].best > 0.99
    pair = find_pair(comparison, "warm", "direct")
    assert (pair.one, pair.found) == ("warm", "better")
    assert pair.effect is not None
    assert pair.effect.lower < 0.8 < pair.effect.upper
    assert pair.missing == 0
    assert find_pair(comparison, "direct", "detailed").found in {"no_difference", "not_enough"}
    assert sum(each.best or 0 for each in comparison.standings if each.kind == "styles") == pytest.approx(1)
    assert (comparison.displays, comparison.agents) == (1500, 15)
    assert sum(each.picked for each in comparison.standings if each.kind == "styles") == comparison.picks


def test_at_three_an_effect_of_a_third_needs_about_520_picks() -> None:
    """What theory says for agents who do not differ: 2K·(2.80/0.3)² = 523."""
    few = compare_effects(make_styled_log(100, dict.fromkeys(STYLES, 0.0)), weights="picks")
    for pair in few.pairs:
        assert pair.found == "not_enough"
        assert pair.needed is not None
        assert pair.needed >= 520
        assert pair.missing == pair.needed - few.picks
    many = compare_effects(make_styled_log(3000, dict.fromkeys(STYLES, 0.0), agents=40), weights="picks")
    for pair in many.pairs:
        assert pair.needed is not None
        assert 520 <= pair.needed < 1100
        assert pair.found != "not_enough"


def test_five_styles_drawn_by_three_need_twice_as_many() -> None:
    """12 ÷ n a pick instead of 6 ÷ n."""
    five = compare_effects(make_styled_log(400, dict.fromkeys("abcde", 0.0)), weights="picks")
    assert all(900 < (pair.needed or 0) < 1400 for pair in five.pairs)


def test_noise_is_rarely_called_a_winner() -> None:
    """Three pairs in each of 6 logs without any difference, at 5%; benchmarks/ has the rate over many more."""
    claims = 0
    for seed in range(6):
        comparison = compare_effects(
            make_styled_log(900, dict.fromkeys(STYLES, 0.0), agents=20, seed=seed), weights="picks"
        )
        claims += sum(pair.found in {"better", "worse"} for pair in comparison.pairs)
    assert claims <= 4


def test_what_always_comes_together_cannot_be_told_apart() -> None:
    """Each style has a model of its own: which of the two is liked, no number of choices tells."""
    models = {"direct": "small", "warm": "large", "detailed": "large"}
    comparison = compare_effects(
        make_styled_log(1500, {"direct": 0.0, "warm": 0.8, "detailed": 0.8}, models=models), weights="picks"
    )
    pair = find_pair(comparison, "small", "large")
    assert (pair.found, pair.needed, pair.missing, pair.effect) == ("cannot_tell", None, None, None)
    assert {each.best for each in comparison.standings if each.kind == "models"} == {None}
    assert find_pair(comparison, "warm", "detailed").found != "cannot_tell"


def test_what_always_stands_in_the_same_place_cannot_be_told_from_it() -> None:
    """Whether the style is liked, or the first place, which it always has: a log sorted by style does not know."""
    log = []
    for choice_set in make_styled_log(1500, dict.fromkeys(STYLES, 0.0)):
        shown = tuple(replace(each, style=style) for each, style in zip(choice_set.shown, STYLES, strict=True))
        log.append(replace(choice_set, shown=shown))
    assert {pair.found for pair in compare_effects(log, weights="picks").pairs} == {"cannot_tell"}


def test_prompts_are_told_apart_by_how_often_anything_is_picked() -> None:
    log = make_styled_log(2400, dict.fromkeys(STYLES, 0.0), agents=30)
    rng = random.Random(1)
    versions = ["old" if index % 2 else "new" for index in range(len(log))]
    changed = [
        replace(
            choice_set,
            prompt_version=version,
            picked=None if version == "old" and rng.random() < 0.4 else choice_set.picked,
        )
        for choice_set, version in zip(log, versions, strict=True)
    ]
    pair = find_pair(compare_effects(changed, weights="picks"), "old", "new")
    assert (pair.one, pair.found) == ("new", "better")


def test_length_explains_what_it_explains() -> None:
    """A style that is liked for being short wins, all in all, and is worth nothing more at equal length."""
    rng = random.Random(2)
    log = []
    for choice_set in make_styled_log(2000, dict.fromkeys(STYLES, 0.0), agents=30):
        shown = tuple(
            replace(each, text=" ".join(rng.choices(WORDS, k=5 if each.style == "direct" else rng.randint(5, 60))))
            for each in choice_set.shown
        )
        odds = [math.exp(-0.6 * math.log(len(each.text))) for each in shown]
        log.append(replace(choice_set, shown=shown, picked=rng.choices(range(3), odds)[0]))
    pair = find_pair(compare_effects(log, weights="picks"), "direct", "warm")
    assert (pair.one, pair.found) == ("direct", "better")
    assert pair.effect is not None
    assert pair.equal_length is not None
    assert pair.effect.mean > 0.6
    assert pair.equal_length.lower < 0 < pair.equal_length.upper


@pytest.mark.parametrize("picked", [None, 0])
def test_logs_with_next_to_nothing_say_so(picked: int | None) -> None:
    """All dismissed; one choice; nothing at all."""
    log = [replace(choice_set, picked=None) for choice_set in make_styled_log(30, dict.fromkeys(STYLES, 0.0))]
    comparison = compare_effects([*log, replace(log[0], picked=picked)], weights="picks")
    assert {pair.found for pair in comparison.pairs} == {"not_enough"}
    assert compare_effects([], weights="picks").pairs == ()


def test_one_agent_alone_decides_nothing() -> None:
    comparison = compare_effects(
        make_styled_log(1500, {"direct": 0.0, "warm": 2.0, "detailed": 0.0}, agents=1), weights="picks"
    )
    assert {pair.found for pair in comparison.pairs} == {"not_enough"}
    assert {each.best for each in comparison.standings} == {None}
    assert comparison.agents == 1
