"""What may be read while a request is open only, sealed.

    sealer = Sealer(("a long secret", "the one before it"))
    sealer.open(sealer.seal("jane@example.com"))
    key = one_time_key(); open_once(seal_once("jane@example.com", key), key)

Every sealed text says how it is sealed: `plain:` where there is no key, `fernet:` under a key of the settings, `once:`
under a key that is kept nowhere here.
"""

from collections.abc import Sequence
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PLAIN: Final = "plain:"
FERNET: Final = "fernet:"
ONCE: Final = "once:"


class NotReadable(Exception):  # noqa: N818 - named for what happened, as the callers read it
    """Sealed under a key that is not there (any more), or damaged."""


class Sealer:
    """Seals with the first key and opens with any; without a key, it leaves the text as it is."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self._fernet = MultiFernet([Fernet(_derived(key)) for key in keys]) if keys else None

    @property
    def has_key(self) -> bool:
        return self._fernet is not None

    def seal(self, text: str) -> str:
        if self._fernet is None:
            return PLAIN + text
        return FERNET + self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """What was sealed. Raises NotReadable."""
        if sealed.startswith(PLAIN):  # from before there was a key
            return sealed.removeprefix(PLAIN)
        if self._fernet is None or not sealed.startswith(FERNET):
            raise NotReadable
        return _decrypted(self._fernet, sealed.removeprefix(FERNET))

    def can_open(self, sealed: str) -> bool:
        """Whether it can be read with these keys, or is not for them: only its Undo opens what is decided."""
        try:
            return sealed.startswith(ONCE) or bool(self.open(sealed))
        except NotReadable:
            return False


def one_time_key() -> str:
    """A key for one text, 44 characters; whoever loses it has lost the text."""
    return Fernet.generate_key().decode()


def seal_once(text: str, key: str) -> str:
    return ONCE + Fernet(key).encrypt(text.encode()).decode()


def open_once(sealed: str, key: str) -> str:
    """What was sealed under this key. Raises NotReadable."""
    try:
        fernet = Fernet(key)
    except ValueError as error:
        raise NotReadable from error
    if not sealed.startswith(ONCE):
        raise NotReadable
    return _decrypted(fernet, sealed.removeprefix(ONCE))


def _decrypted(fernet: Fernet | MultiFernet, token: str) -> str:
    try:
        return fernet.decrypt(token.encode()).decode()
    except (InvalidToken, UnicodeDecodeError) as error:
        raise NotReadable from error


def _derived(secret: str) -> bytes:
    """A Fernet key of a secret that is long and random already: no slow derivation is needed."""
    from base64 import urlsafe_b64encode

    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"suggest-replies vault 1")
    return urlsafe_b64encode(kdf.derive(secret.encode()))
