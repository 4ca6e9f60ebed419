"""Files that SOPS encrypted inside of Secrets, as a secretGenerator puts them there: opened one by one.

A file carries its own MAC, so what is in the Secret is verified as it stands. What comes out is what SOPS writes for
its kind: YAML, JSON, or the bytes of any other file. What is made of files of variables is opened by `closedvariables`.
"""

import base64
import binascii
import json

import yaml

from gitsync.manifests import yamlgo
from gitsync.manifests.jsonstreams import YamlError
from gitsync.render import sops
from operator_core.jsonvalues import Json, Object

_MARK = b"ENC[AES256_GCM,"
_YAML = (".yaml", ".yml")


def has_any(body: Object) -> bool:
    """Whether an object is a Secret that holds a closed file."""
    return bool(closed(body))


def opened(body: Object, open_key: sops.Opener) -> Object:
    """The Secret with plain files. Raises Unreadable naming the entry that stays closed."""
    data = dict(body["data"])
    for key, content in closed(body).items():
        try:
            data[key] = base64.b64encode(_plain(key, content, open_key)).decode()
        except sops.Unreadable as error:
            raise sops.Unreadable(f"its entry {key} cannot be opened: {error}") from error
    return {**body, "data": data}


def closed(body: Object) -> dict[str, bytes]:
    """The entries of a Secret that are encrypted files, decoded."""
    data = body.get("data")
    if (body.get("apiVersion"), body.get("kind")) != ("v1", "Secret") or not isinstance(data, dict):
        return {}
    found = {}
    for key, value in data.items():
        try:
            # Kustomize breaks long values into lines.
            content = base64.b64decode("".join(value.split()), validate=True) if isinstance(value, str) else b""
        except (binascii.Error, ValueError):
            continue
        if _MARK in content:
            found[key] = content
    return found


def _plain(key: str, content: bytes, open_key: sops.Opener) -> bytes:
    try:
        documents = [one.value for one in yamlgo.load_all(content.decode("utf-8-sig", "replace"))]
    except YamlError as error:
        raise sops.Unreadable(f"it is no file that SOPS wrote ({error.message})") from error
    if not documents or not all(sops.is_encrypted(one) for one in documents):
        raise sops.Unreadable("it is no whole file that SOPS wrote")
    values = sops.opened(documents, open_key)
    plain: list[Json] = [
        sops.substituted({name: one for name, one in document.items() if name != sops.KEY}, values)
        for document in documents
    ]
    if key.endswith(_YAML):
        text: str = yaml.safe_dump_all(plain, sort_keys=False, allow_unicode=True, indent=4, width=1 << 20)
        return text.encode()
    if (
        len(plain) == 1
        and not key.endswith(".json")
        and set(plain[0]) == {"data"}
        and isinstance(plain[0]["data"], str)
    ):
        return plain[0]["data"].encode()
    return json.dumps(plain[0], indent="\t", ensure_ascii=False).encode()
