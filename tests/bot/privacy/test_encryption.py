"""Encryption under a key, under an older one, under one that nobody keeps, or not at all."""

import pytest

from bot.privacy.encryption import DecryptionError, TextCipher, decrypt_once, encrypt_once, generate_key

OLD, NEW = "o" * 40, "n" * 40


def test_without_a_key_it_is_kept_as_it_is() -> None:
    assert TextCipher().encrypt("jane@example.com") == "plain:jane@example.com"
    assert TextCipher().decrypt("plain:jane@example.com") == "jane@example.com"
    assert not TextCipher().has_key


def test_with_a_key_it_is_sealed() -> None:
    sealed = TextCipher((NEW,)).encrypt("jane@example.com")
    assert "jane" not in sealed
    assert TextCipher((NEW,)).decrypt(sealed) == "jane@example.com"


def test_keys_rotate() -> None:
    """The first seals, all open; what was kept before there was a key can be read too."""
    sealed = TextCipher((OLD,)).encrypt("x")
    both = TextCipher((NEW, OLD))
    assert both.decrypt(sealed) == "x"
    assert TextCipher((NEW,)).decrypt(both.encrypt("y")) == "y"
    assert TextCipher((NEW,)).decrypt("plain:z") == "z"


@pytest.mark.parametrize("cipher", [TextCipher(), TextCipher((NEW,))])
def test_another_key_cannot_open_it(cipher: TextCipher) -> None:
    with pytest.raises(DecryptionError):
        cipher.decrypt(TextCipher((OLD,)).encrypt("x"))
    with pytest.raises(DecryptionError):
        cipher.decrypt("fernet:damaged")
    with pytest.raises(DecryptionError):
        cipher.decrypt(encrypt_once("x", generate_key()))


@pytest.mark.parametrize("key", [pytest.param(generate_key(), id="another's"), "", "no key", "é" * 44])
def test_what_was_sealed_once_opens_with_its_own_key_only(key: str) -> None:
    own = generate_key()
    assert decrypt_once(encrypt_once("jane", own), own) == "jane"
    with pytest.raises(DecryptionError):
        decrypt_once(encrypt_once("jane", own), key)
    with pytest.raises(DecryptionError):
        decrypt_once("plain:jane", own)
