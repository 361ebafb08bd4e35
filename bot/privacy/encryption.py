"""Encryption of what may be read only while a request is open.

    cipher = TextCipher(("a long secret", "the one before it"))
    cipher.decrypt(cipher.encrypt("jane@example.com", bound_to="r1"), bound_to="r1")
    key = generate_key()
    decrypt_once(encrypt_once("jane@example.com", key, bound_to="r1"), key, bound_to="r1")

A result opens for the request that it is bound to, and for no other. It says how it came about: `plain:` where there is
no key, `aead:` under a key of the settings, `once:` under a key that is kept nowhere here. `fernet:`, and `once:`
without `aead:`, are of versions that bound nothing; they are read for OLD_ROWS_S.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PLAIN: Final = "plain:"
AEAD: Final = "aead:"
FERNET: Final = "fernet:"
ONCE: Final = "once:"

OLD_ROWS_S: Final = 7 * 24 * 3600
"""Longer than any row is kept."""
_NONCE_BYTES: Final = 12


class DecryptionError(Exception):
    """A text is damaged, or encrypted under a key that is not there (any more)."""


class TextCipher:
    """Encrypts with the first key and decrypts with any; without a key, it leaves the text readable."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self._keys = [_derive_key(key) for key in keys]

    def encrypt(self, text: str, *, bound_to: str) -> str:
        """Encrypt a text of this request; without a key, only mark it as `plain:`."""
        return _encrypt(text, self._keys[0], bound_to) if self._keys else PLAIN + text

    def decrypt(self, sealed: str, *, bound_to: str) -> str:
        """Return the text that `encrypt` was given. Raises DecryptionError, also for a plain one where there is a key:
        anybody may have put it there.
        """
        if sealed.startswith(PLAIN) and not self._keys:
            return sealed.removeprefix(PLAIN)
        return _decrypt(sealed, self._keys, bound_to)

    def can_decrypt(self, sealed: str, *, bound_to: str) -> bool:
        """Return True if these keys decrypt a text; also for `once:` ones, which are never for them."""
        try:
            return sealed.startswith(ONCE) or bool(self.decrypt(sealed, bound_to=bound_to))
        except DecryptionError:
            return False


def generate_key() -> str:
    """Generate a key for one text, 44 characters; whoever loses it has lost the text."""
    return Fernet.generate_key().decode()


def encrypt_once(text: str, key: str, *, bound_to: str) -> str:
    """Encrypt a text of this request under a key of its own, from `generate_key`."""
    return ONCE + _encrypt(text, key.encode(), bound_to)


def decrypt_once(sealed: str, key: str, *, bound_to: str) -> str:
    """Return the text that `encrypt_once` was given with this key. Raises DecryptionError."""
    if not sealed.startswith(ONCE):
        raise DecryptionError
    token = sealed.removeprefix(ONCE)
    return _decrypt(token if token.startswith(AEAD) else FERNET + token, [key.encode()], bound_to)


def _encrypt(text: str, key: bytes, bound_to: str) -> str:
    nonce = os.urandom(_NONCE_BYTES)
    token = nonce + AESGCM(urlsafe_b64decode(key)).encrypt(nonce, text.encode(), bound_to.encode())
    return AEAD + urlsafe_b64encode(token).decode()


def _decrypt(sealed: str, keys: Sequence[bytes], bound_to: str) -> str:
    try:
        if sealed.startswith(AEAD):
            token = urlsafe_b64decode(sealed.removeprefix(AEAD))
            for key in keys:
                with suppress(InvalidTag):
                    cipher = AESGCM(urlsafe_b64decode(key))
                    return cipher.decrypt(token[:_NONCE_BYTES], token[_NONCE_BYTES:], bound_to.encode()).decode()
        elif sealed.startswith(FERNET) and keys:
            fernet = MultiFernet([Fernet(key) for key in keys])
            return fernet.decrypt(sealed.removeprefix(FERNET).encode(), ttl=OLD_ROWS_S).decode()
    except (InvalidToken, ValueError) as error:  # the second: no base64, no key, no text
        raise DecryptionError from error
    raise DecryptionError


def _derive_key(secret: str) -> bytes:
    """Derive a key, in base64, from a secret that is long and random already: no slow derivation is needed."""
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"suggest-replies vault 1")
    return urlsafe_b64encode(kdf.derive(secret.encode()))
