"""Encryption under a key, under an older one, under one that nobody keeps, or not at all."""

import time
from base64 import urlsafe_b64encode

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.privacy.encryption import OLD_ROWS_S, DecryptionError, TextCipher, decrypt_once, encrypt_once, generate_key

OLD, NEW = "o" * 40, "n" * 40
INFO = b"suggest-replies vault 1"


def test_without_a_key_it_is_kept_as_it_is() -> None:
    assert TextCipher().encrypt("jane@example.com", bound_to="r1") == "plain:jane@example.com"
    assert TextCipher().decrypt("plain:jane@example.com", bound_to="r1") == "jane@example.com"


def test_with_a_key_it_is_sealed() -> None:
    sealed = TextCipher((NEW,)).encrypt("jane@example.com", bound_to="r1")
    assert "jane" not in sealed
    assert TextCipher((NEW,)).decrypt(sealed, bound_to="r1") == "jane@example.com"


def test_keys_rotate() -> None:
    """The first seals, all open; what is not sealed is refused, for anybody may have put it there."""
    sealed = TextCipher((OLD,)).encrypt("x", bound_to="r1")
    both = TextCipher((NEW, OLD))
    assert both.decrypt(sealed, bound_to="r1") == "x"
    assert TextCipher((NEW,)).decrypt(both.encrypt("y", bound_to="r1"), bound_to="r1") == "y"
    with pytest.raises(DecryptionError):
        both.decrypt("plain:z", bound_to="r1")


@pytest.mark.parametrize("cipher", [TextCipher(), TextCipher((NEW,))])
def test_another_key_cannot_open_it(cipher: TextCipher) -> None:
    with pytest.raises(DecryptionError):
        cipher.decrypt(TextCipher((OLD,)).encrypt("x", bound_to="r1"), bound_to="r1")
    with pytest.raises(DecryptionError):
        cipher.decrypt("fernet:damaged", bound_to="r1")
    with pytest.raises(DecryptionError):
        cipher.decrypt(encrypt_once("x", generate_key(), bound_to="r1"), bound_to="r1")


@pytest.mark.parametrize("key", [pytest.param(generate_key(), id="another's"), "", "no key", "é" * 44])
def test_what_was_sealed_once_opens_with_its_own_key_only(key: str) -> None:
    own = generate_key()
    assert decrypt_once(encrypt_once("jane", own, bound_to="r1"), own, bound_to="r1") == "jane"
    with pytest.raises(DecryptionError):
        decrypt_once(encrypt_once("jane", own, bound_to="r1"), key, bound_to="r1")
    with pytest.raises(DecryptionError):
        decrypt_once("plain:jane", own, bound_to="r1")


def test_what_is_sealed_for_a_request_opens_for_no_other() -> None:
    cipher, own = TextCipher((NEW,)), generate_key()
    with pytest.raises(DecryptionError):
        cipher.decrypt(cipher.encrypt("x", bound_to="r1"), bound_to="r2")
    with pytest.raises(DecryptionError):
        decrypt_once(encrypt_once("x", own, bound_to="r1"), own, bound_to="r2")


def test_what_older_versions_sealed_opens_until_it_has_expired() -> None:
    derived = urlsafe_b64encode(HKDF(algorithm=SHA256(), length=32, salt=None, info=INFO).derive(NEW.encode()))
    now, own = int(time.time()), generate_key()
    for age_s, opens in ((60, True), (OLD_ROWS_S + 60, False)):
        kept = "fernet:" + Fernet(derived).encrypt_at_time(b"x", now - age_s).decode()
        once = "once:" + Fernet(own).encrypt_at_time(b"x", now - age_s).decode()
        assert TextCipher((NEW,)).can_decrypt(kept, bound_to="r1") is opens
        if opens:
            assert decrypt_once(once, own, bound_to="r1") == "x"
