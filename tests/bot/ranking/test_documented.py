"""docs/ranking.md tells each feature and each prior as the program has them."""

import re
from pathlib import Path

from bot.ranking.features import FEATURES
from bot.ranking.logit import PRIOR_DEVIATION, PRIOR_FEATURES, PRIOR_PERSONS, RANDOM_EFFECT_VARIANCE

TOLD = (Path(__file__).parents[3] / "docs" / "ranking.md").read_text(encoding="utf-8")


def test_each_feature_is_told_in_its_words() -> None:
    table = TOLD.partition("### Features")[2].partition("###")[0]
    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE)) == FEATURES


def test_the_priors_are_told() -> None:
    assert f"starts at {PRIOR_DEVIATION['features']}² with the weight of {PRIOR_FEATURES:.0f} features" in TOLD
    assert f"a ~ N(0, {PRIOR_DEVIATION['styles']}²)" in TOLD
    assert PRIOR_DEVIATION["styles"] == PRIOR_DEVIATION["models"] == PRIOR_DEVIATION["prompts"]
    assert f"b ~ N(0, {PRIOR_DEVIATION['positions']}²)" in TOLD
    assert f"c0, c1 ~ N(0, {PRIOR_DEVIATION['none']:.0f}²)" in TOLD
    assert f"starts at {RANDOM_EFFECT_VARIANCE}·I with the weight of {PRIOR_PERSONS:.0f} agents" in TOLD
