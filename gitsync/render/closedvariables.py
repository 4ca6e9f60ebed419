"""Files of variables that SOPS encrypted, opened in the Secret that a secretGenerator makes of them (`envs`).

A Secret has no order and no comments, so the MAC is verified over the file as it is in the commit, and each value
takes the place of its own ciphertext: also where several files were merged into one Secret. What comes out is what
Kustomize makes of the file that `sops decrypt` writes. Rules: getsops/sops, `stores/dotenv` and `stores/flatten.go`.
"""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass

from gitsync.render import closedfiles, sops
from operator_core.jsonvalues import Object

_METADATA = "sops_"
_MAC = "sops_mac"
_DATA_KEY = re.compile(r"(key_groups__list_\d+__map_)?age__list_\d+__map_enc")


@dataclass(frozen=True, slots=True)
class _File:
    """`document` is as SOPS sees it; `metadata` are the names of the lines that are none of the variables."""

    document: Object
    metadata: frozenset[str]


def has_any(body: Object) -> bool:
    """Whether an object is a Secret made of encrypted variables."""
    return _MAC in (body.get("data") or {}) and closedfiles.has_any(body)


def opened(body: Object, files: Iterable[bytes], open_key: sops.Opener) -> Object:
    """The Secret with plain variables; any other object as it is. `files` may have made it. Raises Unreadable."""
    if not has_any(body):
        return body
    data = dict(body["data"])
    texts = {key: content.decode("utf-8", "replace") for key, content in closedfiles.closed(body).items()}
    closed = {key: text for key, text in texts.items() if key != _MAC and sops.is_value(text)}
    wanted, mac = set(closed.values()), texts.get(_MAC)
    plain: dict[str, str] = {}
    for content in files:
        file = _parsed(content)
        if file is None or not (wanted & set(map(str, file.document.values())) or mac == sops.mac_of(file.document)):
            continue
        plain |= {text: str(value) for text, value in sops.opened([file.document], open_key).items()}
        for name in file.metadata:
            data.pop(name, None)
    for key, text in closed.items():
        if text not in plain:
            raise sops.Unreadable(f"its variable {key} is in no encrypted file of the commit as it stands here")
        data[key] = base64.b64encode(plain[text].replace("\n", "\\n").encode()).decode()
    if _MAC in data:
        raise sops.Unreadable("it has the MAC of a file of variables that is not in the commit")
    return {**body, "data": data}


def _parsed(content: bytes) -> _File | None:
    """A file of variables; None for any other file. Raises Unreadable for one that SOPS could not have written."""
    if f"\n{_MAC}=".encode() not in b"\n" + content:
        return None
    variables: dict[str, str] = {}
    metadata: dict[str, str] = {}
    for line in content.decode("utf-8", "replace").split("\n"):
        name, equals, value = line.partition("=")
        if not line or line.startswith("#"):
            continue
        if not equals:
            raise sops.Unreadable("its file of variables has a line without '='")
        one = metadata if name.startswith(_METADATA) else variables
        if name in one or name == sops.KEY:
            raise sops.Unreadable(f"its file of variables must not name {name} twice, nor a variable {sops.KEY}")
        one[name] = value.replace("\\n", "\n")
    return _File({**variables, sops.KEY: _unflattened(metadata)}, frozenset(metadata))


def _unflattened(metadata: dict[str, str]) -> Object:
    """What is said of the encryption, in the form it has in other formats."""
    found: Object = {name.removeprefix(_METADATA): value for name, value in metadata.items()}
    found["age"] = [{"enc": value} for name, value in found.items() if _DATA_KEY.fullmatch(name)]
    found["mac_only_encrypted"] = found.get("mac_only_encrypted") == "true"
    found["shamir_threshold"] = found.get("shamir_threshold", "0") != "0"
    return found
