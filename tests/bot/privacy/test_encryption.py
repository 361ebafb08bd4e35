"""Sealed under a key, under an older one, under one that nobody keeps, or not at all."""

import pytest

from bot.privacy.encryption import NotReadable, Sealer, one_time_key, open_once, seal_once

OLD, NEW = "o" * 40, "n" * 40


def test_without_a_key_it_is_kept_as_it_is() -> None:
    assert Sealer().seal("jane@example.com") == "plain:jane@example.com"
    assert Sealer().open("plain:jane@example.com") == "jane@example.com"
    assert not Sealer().has_key


def test_with_a_key_it_is_sealed() -> None:
    sealed = Sealer((NEW,)).seal("jane@example.com")
    assert "jane" not in sealed
    assert Sealer((NEW,)).open(sealed) == "jane@example.com"


def test_keys_rotate() -> None:
    """The first seals, all open; what was kept before there was a key can be read too."""
    sealed = Sealer((OLD,)).seal("x")
    both = Sealer((NEW, OLD))
    assert both.open(sealed) == "x"
    assert Sealer((NEW,)).open(both.seal("y")) == "y"
    assert Sealer((NEW,)).open("plain:z") == "z"


@pytest.mark.parametrize("sealer", [Sealer(), Sealer((NEW,))])
def test_another_key_cannot_open_it(sealer: Sealer) -> None:
    with pytest.raises(NotReadable):
        sealer.open(Sealer((OLD,)).seal("x"))
    with pytest.raises(NotReadable):
        sealer.open("fernet:damaged")
    with pytest.raises(NotReadable):
        sealer.open(seal_once("x", one_time_key()))


@pytest.mark.parametrize("key", [one_time_key(), "", "no key", "é" * 44])
def test_what_was_sealed_once_opens_with_its_own_key_only(key: str) -> None:
    own = one_time_key()
    assert open_once(seal_once("jane", own), own) == "jane"
    with pytest.raises(NotReadable):
        open_once(seal_once("jane", own), key)
    with pytest.raises(NotReadable):
        open_once("plain:jane", own)
