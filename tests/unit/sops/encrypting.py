"""SOPS' side for tests: documents encrypted for age as its description says, with any of its rules."""

import base64
import copy
import hashlib
import re
from collections.abc import Callable

import pyrage
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from operator_core.jsonvalues import Json, Object

STAMP = "2026-01-02T03:04:05Z"
DATA_KEY = bytes(range(32))


class Encrypter:
    """Encrypts for one age key that it makes."""

    def __init__(self) -> None:
        self.identity = pyrage.x25519.Identity.generate()
        self._count = 0

    @property
    def secret(self) -> str:
        return str(self.identity)

    def encrypt(self, *documents: Object, **rules: Json) -> list[Object]:
        """The documents of one file, encrypted."""
        wanted = self._rule(rules)
        digest = hashlib.sha512(hashlib.sha256(b"sops").digest() if rules.get("mac_only_encrypted") else b"")
        result = [copy.deepcopy(one) for one in documents]
        for one in result:
            self._walk(one, (), wanted, lambda data: digest.update(data), bool(rules.get("mac_only_encrypted")))
        wrapped = pyrage.encrypt(DATA_KEY, [self.identity.to_public()], armored=True).decode()
        metadata: Object = {
            "age": [{"recipient": str(self.identity.to_public()), "enc": wrapped}],
            "lastmodified": STAMP,
            "mac": self.value(digest.hexdigest().upper(), STAMP),
            "version": "3.10.2",
            **rules,
        }
        return [{**one, "sops": metadata} for one in result]

    def value(self, value: Json, additional: str) -> str:
        self._count += 1
        nonce = self._count.to_bytes(32, "big")
        kind = {bool: "bool", int: "int", float: "float"}.get(type(value), "str")
        sealed = AESGCM(DATA_KEY).encrypt(nonce, _bytes(value), additional.encode())
        data, iv, tag = (base64.b64encode(part).decode() for part in (sealed[:-16], nonce, sealed[-16:]))
        return f"ENC[AES256_GCM,data:{data},iv:{iv},tag:{tag},type:{kind}]"

    def _walk(
        self,
        node: Json,
        path: tuple[str, ...],
        wanted: Callable[[tuple[str, ...]], bool],
        count: Callable[[bytes], None],
        only: bool,
    ) -> None:
        places = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in list(places):
            below = (*path, key) if isinstance(node, dict) else path
            if isinstance(value, dict | list):
                self._walk(value, below, wanted, count, only)
            elif value is not None:
                if wanted(below) or not only:
                    count(_bytes(value))
                if wanted(below) and value != "":
                    node[key] = self.value(value, ":".join(below) + ":")

    @staticmethod
    def _rule(rules: Object) -> Callable[[tuple[str, ...]], bool]:
        if "encrypted_regex" in rules:
            return lambda path: any(re.search(rules["encrypted_regex"], step) for step in path)
        if "encrypted_suffix" in rules:
            return lambda path: any(step.endswith(rules["encrypted_suffix"]) for step in path)
        suffix = rules.get("unencrypted_suffix")
        return lambda path: not (suffix and any(step.endswith(suffix) for step in path))


def _bytes(value: Json) -> bytes:
    return str(value).encode()
