"""age keys: opening the data key of a SOPS document with the identities the agent was given.

The only importer of pyrage and cryptography. Identities live in memory, are never shown, and no error tells
anything of them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from gitsync.render import sops
from gitsync.render.sops import Unreadable

_SECRET = re.compile(r"^AGE-SECRET-KEY-1[0-9A-Z]+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class AgeKeys:
    """Lines of age identities."""

    identities: tuple[str, ...] = field(default=(), repr=False)

    def open_key(self, wrapped: Sequence[str]) -> sops.Decrypt:
        """What the data key decrypts that one of the identities opens. Raises Unreadable."""
        if not self.identities:
            raise Unreadable("the agent has no age key: give it a Secret with one, or sopsAgeKeyFile in the settings")
        try:
            import pyrage
        except ImportError as error:
            raise Unreadable("the packages pyrage and cryptography are not installed: install gitsync[sops]") from error
        known = []
        for text in self.identities:
            try:
                known.append(pyrage.x25519.Identity.from_str(text))
            except pyrage.IdentityError:
                continue
        for one in wrapped:
            try:
                return _decrypting(bytes(pyrage.decrypt(one.strip().encode() + b"\n", known)))
            except pyrage.DecryptError:
                continue
        raise Unreadable("none of the agent's age keys opens it: it was encrypted for others")


def _decrypting(key: bytes) -> sops.Decrypt:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(key) != 32:
        raise Unreadable("its data key is not one of AES-256")
    cipher = AESGCM(key)

    def decrypt(nonce: bytes, content: bytes, additional: bytes) -> bytes:
        try:
            return cipher.decrypt(nonce, content, additional)
        except InvalidTag as error:
            raise sops.Tampered from error

    return decrypt


def identities_in(text: str) -> tuple[str, ...]:
    """The identities in the content of a key file."""
    return tuple(_SECRET.findall(text))
