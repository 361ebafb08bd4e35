"""A ranker is a value: learned, written, read back the same or refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bot.ranking.design import label_styles
from bot.ranking.features import FEATURES
from bot.ranking.model import CorruptModel, NothingToLearn, Ranker, _hash_content, fit_ranker
from storage.records import Turn
from tests.bot.ranking.logs import make_choice_sets, make_entry, restyle

RANKER = fit_ranker(make_choice_sets(), weights="picks")
CONVERSATION = (Turn(role="customer", text="Where is my order?"),)
CANDIDATES = make_entry(
    "It will arrive on friday.", " ".join(["It was sent today with the next truck."] * 4)
).candidates


def test_it_learns_what_agents_like() -> None:
    short, long = RANKER.score_candidates(CONVERSATION, CANDIDATES, "p1")
    assert short > long


def test_an_effect_of_a_style_is_learned() -> None:
    picked_warm = [
        restyle(choice_set, *("warm" if index == choice_set.picked else "direct" for index in range(3)))
        for choice_set in make_choice_sets()
        if choice_set.picked is not None
    ]
    effects = fit_ranker(picked_warm, weights="picks").style_effects
    assert effects["warm"] > effects["direct"] + 0.5


def test_unknown_styles_models_and_prompts_have_no_effect() -> None:
    unknown = tuple(replace(candidate, style="new", model="new") for candidate in CANDIDATES)
    text = replace(RANKER, parameters=replace(RANKER.parameters, styles=np.zeros(3), models=np.zeros(1)))
    assert RANKER.score_candidates(CONVERSATION, unknown, "new") == text.score_candidates(
        CONVERSATION, CANDIDATES, "new"
    )


def test_a_style_that_is_worded_anew_starts_at_zero() -> None:
    """Its name is the same, and what it makes of a text is not; until then it is told by its name alone."""
    candidate = make_entry("A reply.").candidates[0]
    before, after = (replace(candidate, style="warm", style_version=version) for version in ("0" * 8, "1" * 8))
    assert (candidate.style_key, before.style_key) == ("direct", "warm#00000000")
    log = [
        restyle(choice_set, *(before.style_key if index == choice_set.picked else "direct" for index in range(3)))
        for choice_set in make_choice_sets(300)
    ]
    ranker = fit_ranker(log, weights="picks")
    assert set(ranker.style_effects) == {"direct", "warm"}
    liked, unknown = ranker.score_candidates((), [before, after], "p1")
    assert liked - unknown == pytest.approx(ranker.style_effects["warm"])
    assert liked > unknown
    labels = label_styles(["warm#00000000", "warm#11111111", "direct#00000000", "brief"])
    assert list(labels.values()) == ["warm#00000000", "warm#11111111", "direct", "brief"]


def test_it_is_read_back_as_it_was_written() -> None:
    again = Ranker.from_json(RANKER.to_json())
    assert again.version == RANKER.version
    assert again.to_json() == RANKER.to_json()
    assert again.score_candidates(CONVERSATION, CANDIDATES, "p1") == RANKER.score_candidates(
        CONVERSATION, CANDIDATES, "p1"
    )


def test_no_id_of_a_person_and_no_word_is_in_it() -> None:
    assert "U1" not in RANKER.to_json()
    assert "truck" not in RANKER.to_json()


def test_the_version_is_that_of_the_content() -> None:
    assert fit_ranker(make_choice_sets(), weights="picks").version == RANKER.version
    assert fit_ranker(make_choice_sets(seed=8), weights="picks").version != RANKER.version


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON"),
        (RANKER.to_json()[:500], "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "no ranker"),
        ("{}", "no ranker"),
        (RANKER.to_json().replace("suggest-ranker/", "suggest-ranker/9"), "train it anew"),
        (RANKER.to_json().replace('"n_agents": 12', '"n_agents": 13'), "was changed"),
    ],
)
def test_what_is_corrupt_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(CorruptModel, match=reason):
        Ranker.from_json(text)


def forge_json(**changes: object) -> str:
    """A ranker with other content under a version that matches it."""
    content = json.loads(RANKER.to_json())
    content["parameters"].update(changes)
    hashed = {name: value for name, value in content.items() if name not in {"format", "version"}}
    return json.dumps({**content, "version": _hash_content(hashed)})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"features": [0.0]}, "wrong number"),
        ({"features": []}, "wrong number"),
        ({"habits": []}, "wrong number"),
        ({"none": [float("nan"), 0.0]}, "not all numbers"),
        ({"spread": [[1.0, 2.0], [2.0, 1.0]]}, "no covariances"),
    ],
)
def test_a_version_that_matches_does_not_make_nonsense_usable(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(CorruptModel, match=reason):
        Ranker.from_json(forge_json(**changes))


@pytest.mark.parametrize(
    ("part", "value", "reason"),
    [
        ("metrics", [], "missing or malformed"),
        ("metrics", {"training_uniform": float("inf")}, "not all numbers"),
        ("parameters", None, "missing or malformed"),
        ("idf", [1.0], "other features"),
        ("scales", [[0.0, 0.0]] * len(FEATURES), "scales"),
        ("weights", "guessed", "unknown weighting"),
        ("trained_until", "yesterday", "missing or malformed"),
    ],
)
def test_each_part_must_be_there_and_make_sense(part: str, value: object, reason: str) -> None:
    content = json.loads(RANKER.to_json())
    kind, version = content.pop("format"), content.pop("version")
    assert _hash_content(content) == version
    content[part] = value
    with pytest.raises(CorruptModel, match=reason):
        Ranker.from_json(json.dumps({"format": kind, "version": _hash_content(content), **content}))


@pytest.mark.parametrize("found", [(), make_choice_sets()[:0], [d for d in make_choice_sets() if d.picked is None]])
def test_without_a_pick_there_is_nothing_to_learn(found: list[object]) -> None:
    with pytest.raises(NothingToLearn):
        fit_ranker(found, weights="picks")  # type: ignore[arg-type]


def test_one_choice_and_one_agent_are_enough_to_make_a_ranker() -> None:
    ranker = fit_ranker(make_choice_sets(requests=2, agents=1), weights="kept")
    assert ranker.n_agents == 1
    assert Ranker.from_json(ranker.to_json()).version == ranker.version
