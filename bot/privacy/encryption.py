"""Encryption of what may be read only while a request is open.

    cipher = TextCipher(("a long secret", "the one before it"))
    cipher.decrypt(cipher.encrypt("jane@example.com"))
    key = generate_key(); decrypt_once(encrypt_once("jane@example.com", key), key)

Every result says how it came about: `plain:` where there is no key, `fernet:` under a key of the settings, `once:`
under a key that is kept nowhere here.
"""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PLAIN: Final = "plain:"
FERNET: Final = "fernet:"
ONCE: Final = "once:"


class DecryptionError(Exception):
    """A text is damaged, or encrypted under a key that is not there (any more)."""


class TextCipher:
    """Encrypts with the first key and decrypts with any; without a key, it leaves the text readable."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self._fernet = MultiFernet([Fernet(_derive_key(key)) for key in keys]) if keys else None

    @property
    def has_key(self) -> bool:
        return self._fernet is not None

    def encrypt(self, text: str) -> str:
        """Encrypt a text; without a key, only mark it as `plain:`."""
        if self._fernet is None:
            return PLAIN + text
        return FERNET + self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, sealed: str) -> str:
        """Return the text that `encrypt` was given. Raises DecryptionError."""
        if sealed.startswith(PLAIN):  # from before there was a key
            return sealed.removeprefix(PLAIN)
        if self._fernet is None or not sealed.startswith(FERNET):
            raise DecryptionError
        return _decrypt(self._fernet, sealed.removeprefix(FERNET))

    def can_decrypt(self, sealed: str) -> bool:
        """Tell whether these keys decrypt a text; True for `once:` ones, which are never for them."""
        try:
            return sealed.startswith(ONCE) or bool(self.decrypt(sealed))
        except DecryptionError:
            return False


def generate_key() -> str:
    """Generate a key for one text, 44 characters; whoever loses it has lost the text."""
    return Fernet.generate_key().decode()


def encrypt_once(text: str, key: str) -> str:
    """Encrypt a text under a key of its own, from `generate_key`."""
    return ONCE + Fernet(key).encrypt(text.encode()).decode()


def decrypt_once(sealed: str, key: str) -> str:
    """Return the text that `encrypt_once` was given with this key. Raises DecryptionError."""
    try:
        fernet = Fernet(key)
    except ValueError as error:
        raise DecryptionError from error
    if not sealed.startswith(ONCE):
        raise DecryptionError
    return _decrypt(fernet, sealed.removeprefix(ONCE))


def _decrypt(fernet: Fernet | MultiFernet, token: str) -> str:
    try:
        return fernet.decrypt(token.encode()).decode()
    except (InvalidToken, UnicodeDecodeError) as error:
        raise DecryptionError from error


def _derive_key(secret: str) -> bytes:
    """Derive a Fernet key from a secret that is long and random already: no slow derivation is needed."""
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"suggest-replies vault 1")
    return urlsafe_b64encode(kdf.derive(secret.encode()))
