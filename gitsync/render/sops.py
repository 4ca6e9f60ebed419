"""The SOPS format: what is encrypted in a document, by which key, and whether anybody changed it since.

Knows documents as plain values and the cipher; how a data key is opened with an age key is `agekeys`. A
document whose MAC does not fit is worth nothing, so nothing of it comes out. Rules: getsops/sops, its README
("Encryption Protocol", "Message Authentication Code") and `sops.go`.
"""

import base64
import binascii
import decimal
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from operator_core.jsonvalues import Json, Object

KEY = "sops"
"""Where a document keeps what SOPS has to know of it."""
_VALUE = re.compile(r"ENC\[AES256_GCM,data:(?P<data>.*),iv:(?P<iv>.+),tag:(?P<tag>.+),type:(?P<type>\w+)\]", re.DOTALL)
_ONLY_ENCRYPTED = hashlib.sha256(b"sops").digest()
_SELECTING = ("unencrypted_suffix", "encrypted_suffix", "unencrypted_regex", "encrypted_regex")
_UNREAD = ("unencrypted_comment_regex", "encrypted_comment_regex")
_QUANTIFIED = re.compile(r"[*+?{]")
_UNSAFE = re.compile(r"\)[*+?{]|\(\?|\\[1-9]")
_LONGEST_PATTERN = 200
Decrypt = Callable[[bytes, bytes, bytes], bytes]
"""AES-256-GCM with the data key: nonce, content with its tag, additional data → plain; raises Tampered."""
Opener = Callable[[Sequence[str]], Decrypt]
"""From the encrypted data keys of a document (age, armored) to what the data key decrypts."""


class Unreadable(ValueError):
    """Why a document stays closed; holds no value of it."""


class Tampered(Exception):
    """A value is not what was encrypted under this key at this place."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    path: tuple[str, ...]
    value: Json


def is_encrypted(document: Json) -> bool:
    """Whether a document is one of SOPS."""
    return isinstance(document, dict) and isinstance(document.get(KEY), dict) and "mac" in document[KEY]


def is_value(text: str) -> bool:
    """Whether a text is one encrypted value and nothing else."""
    return _VALUE.fullmatch(text) is not None


def mac_of(document: Object) -> str:
    """The encrypted MAC, which the documents of one file share."""
    return str(document[KEY].get("mac", ""))


def opened(documents: Sequence[Object], open_key: Opener) -> dict[str, Json]:
    """The plain value of every encrypted one of a file's documents, which have one MAC. Raises Unreadable."""
    metadata: Object = documents[0][KEY]
    decrypt = open_key(_data_keys(metadata))
    digest = hashlib.sha512(_ONLY_ENCRYPTED if metadata.get("mac_only_encrypted") is True else b"")
    rule = _rule(metadata)
    found: dict[str, Json] = {}
    for leaf in (leaf for document in documents for leaf in _leaves(document, top=True)):
        is_wanted = rule(leaf.path)
        value = leaf.value
        if is_wanted and value != "":
            value = _value(decrypt, leaf)
            found[str(leaf.value)] = value
        if is_wanted or metadata.get("mac_only_encrypted") is not True:
            digest.update(_bytes(value))
    _check_mac(decrypt, metadata, digest.hexdigest().upper())
    return found


def substituted(value: Json, plain: Mapping[str, Json]) -> Json:
    """The value with every encrypted one replaced. Raises Unreadable for one that is not among `plain`."""
    if isinstance(value, dict):
        return {key: substituted(one, plain) for key, one in value.items()}
    if isinstance(value, list):
        return [substituted(one, plain) for one in value]
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        return value
    if value not in plain:
        raise Unreadable("it holds an encrypted value that its file does not have")
    return plain[value]


def _data_keys(metadata: Object) -> list[str]:
    if metadata.get("shamir_threshold"):
        raise Unreadable("its key is shared among several (shamir_threshold), which is not supported")
    groups = [metadata, *(one for one in metadata.get("key_groups") or [] if isinstance(one, dict))]
    entries = [entry for group in groups for entry in group.get("age") or [] if isinstance(entry, dict)]
    if not entries:
        raise Unreadable("it is encrypted for no age key; other kinds of keys are not supported")
    return [str(entry.get("enc", "")) for entry in entries]


def _rule(metadata: Object) -> Callable[[tuple[str, ...]], bool]:
    """Whether the value at a path is an encrypted one."""
    for name in _UNREAD:
        if metadata.get(name):
            raise Unreadable(f"it is encrypted by {name}, which is not supported")
    texts = {name: str(metadata.get(name) or "") for name in _SELECTING}
    patterns = {name: _pattern(name, texts[name]) for name in _SELECTING if name.endswith("regex") and texts[name]}

    def wanted(path: tuple[str, ...]) -> bool:
        """As SOPS: each rule that is given overrides the ones before it."""
        result = True
        suffix = texts["unencrypted_suffix"]
        if suffix and any(step.endswith(suffix) for step in path):
            result = False
        if suffix := texts["encrypted_suffix"]:
            result = any(step.endswith(suffix) for step in path)
        if "unencrypted_regex" in patterns and any(patterns["unencrypted_regex"].search(step) for step in path):
            result = False
        if "encrypted_regex" in patterns:
            result = any(patterns["encrypted_regex"].search(step) for step in path)
        return result

    return wanted


def _pattern(name: str, text: str) -> re.Pattern[str]:
    """A pattern that cannot take for ever: few repetitions, and none of a group."""
    if len(text) > _LONGEST_PATTERN or len(_QUANTIFIED.findall(text)) > 3 or _UNSAFE.search(text):
        raise Unreadable(f"its {name} is more than words, '|' and a few '.*'")
    try:
        return re.compile(text)
    except re.error as error:
        raise Unreadable(f"its {name} is no regular expression: {error}") from error


def _leaves(value: Json, path: tuple[str, ...] = (), *, top: bool = False) -> Iterator[_Leaf]:
    """Every scalar in the order of the document; elements of a list have the path of the list."""
    if isinstance(value, dict):
        for key, one in value.items():
            if not (top and key == KEY):
                yield from _leaves(one, (*path, key))
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one, path)
    elif value is not None:
        yield _Leaf(path, value)


def _value(decrypt: Decrypt, leaf: _Leaf) -> Json:
    where = ".".join(leaf.path)
    found = _VALUE.fullmatch(leaf.value) if isinstance(leaf.value, str) else None
    if found is None:
        raise Unreadable(f"its {where} should be encrypted and is not")
    text = _decrypted(decrypt, found, ":".join(leaf.path) + ":", where)
    try:
        match found["type"]:
            case "str" | "bytes" | "comment":
                return text
            case "int" | "int64":
                return int(text)
            case "float":
                return float(text)
            case "bool":
                return text.lower() == "true"
    except ValueError:
        pass
    raise Unreadable(f"its {where} is not what its type says")


def _decrypted(decrypt: Decrypt, found: re.Match[str], additional: str, where: str) -> str:
    try:
        data, nonce, tag = (base64.b64decode(found[name], validate=True) for name in ("data", "iv", "tag"))
        return decrypt(nonce, data + tag, additional.encode()).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise Unreadable(f"its {where} is not in the form of an encrypted value") from error
    except Tampered as error:
        raise Unreadable(f"its {where} was changed or moved after it was encrypted") from error


def _check_mac(decrypt: Decrypt, metadata: Object, computed: str) -> None:
    found = _VALUE.fullmatch(str(metadata.get("mac", "")))
    if found is None:
        raise Unreadable("it has no MAC")
    kept = _decrypted(decrypt, found, str(metadata.get("lastmodified", "")), "sops.mac")
    if not hmac.compare_digest(kept.encode(), computed.encode()):
        raise Unreadable("its MAC does not fit: something was changed after it was encrypted")


def _bytes(value: Json) -> bytes:
    """A value as SOPS counts it in the MAC."""
    if isinstance(value, bool):
        return b"True" if value else b"False"
    if isinstance(value, float):
        return format(decimal.Decimal(repr(value)).normalize(), "f").encode()
    return str(value).encode()
