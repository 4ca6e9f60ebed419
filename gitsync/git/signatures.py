"""Who signed a commit or a tag, by Git's own verification with no key but those the agent was given.

Nothing of this machine counts: no keyring, no key server, no agent, and no key a signature brings along.
A tag that is followed must be signed itself, under the name it is followed by: an old tag under a new name is no
release. A commit that is followed by a branch, a range over light tags or its id must be signed. Rules:
git-verify-commit(1), GnuPG's doc/DETAILS, ssh-keygen(1) "ALLOWED SIGNERS".
"""

import hashlib
import re
import shutil
import subprocess
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from gitsync.git import commands, mirrors, refs
from gitsync.git.memoryfiles import MemoryFiles
from operator_core.errors import Reason, Retry, Stalled

_VALID = re.compile(r"^\[GNUPG:\] VALIDSIG (?P<own>[0-9A-F]{40,64})(?: \S+){8} (?P<primary>[0-9A-F]{40,64})", re.M)
_GOOD = re.compile(r"^\[GNUPG:\] GOODSIG ", re.M)
_SSH = re.compile(r'^Good "git" signature for (?P<principal>\S+) with \S+ key (?P<print>SHA256:\S+)$', re.M)
_SSH_STRANGER = re.compile(r'^Good "git" signature with \S+ key (?P<print>SHA256:\S+)$', re.M)
_UNKNOWN = re.compile(r"^\[GNUPG:\] NO_PUBKEY (?P<id>[0-9A-F]+)", re.M)
_TROUBLE = {
    "EXPKEYSIG": "its key has expired",
    "REVKEYSIG": "its key was revoked",
    "EXPSIG": "its signature has expired",
    "BADSIG": "its signature does not fit its content",
}
_TAG = re.compile(r"^tag (?P<name>.+)$", re.M)
_Answer = tuple[frozenset[str], str, str]
_SHORTEST_ID = 16
_IMPORT_SECONDS = 30.0
_REMEMBERED = 512


@dataclass(frozen=True, slots=True)
class Signers:
    """Public keys the agent may verify with: armored GnuPG keys, and lines of SSH's allowed signers."""

    gnupg: tuple[str, ...] = ()
    ssh: str = ""

    @property
    def digest(self) -> str:
        """Equal for equal keys."""
        return hashlib.sha256(repr((self.gnupg, self.ssh)).encode()).hexdigest()[:24]


class Verifier:
    """Verifies, each object once per set of keys. Safe to share between threads."""

    def __init__(self, directory: Path) -> None:
        """`directory` is for keyrings; it can be deleted at any time."""
        self._directory = directory
        self._lock = threading.Lock()
        self._answers: OrderedDict[tuple[str, str, str], _Answer] = OrderedDict()

    def check(self, mirror: mirrors.Mirror, ref: str, sha: str, signers: Signers, allowed: tuple[str, ...]) -> None:
        """Raise Stalled(SignatureInvalid) unless what `ref` leads to, commit `sha`, is signed by one of `allowed`.

        `allowed`: GnuPG ids or fingerprints of at least 16 digits, fingerprints or principals of SSH keys.
        """
        tag = mirror.tag_of(ref, sha)
        name = tag.name.removeprefix(refs.TAGS) if tag is not None else ""
        what = f"the tag {name if name == ref else f'{name} ({ref})'}" if tag is not None else f"the commit {sha[:7]}"
        key = (mirror.url, tag.sha if tag is not None else sha, signers.digest)
        with self._lock:
            known = self._answers.get(key)
        if known is None:
            known = self._verify(mirror, tag.sha if tag is not None else "", sha, signers)
            with self._lock:
                self._answers[key] = known
                while len(self._answers) > _REMEMBERED:
                    self._answers.popitem(last=False)
        names, problem, own = known
        if not problem and tag is not None and own != name:
            problem = f"it was signed as the tag {own} and put under another name"
        if not problem and not any(_is_one(name, names) for name in allowed):
            problem = f"it is signed by {' or '.join(sorted(names, key=len))}"
        if problem:
            wanted = ", ".join(allowed)
            text = f"{what} of {mirror.url} is not signed by a key the project asks for ({wanted}): {problem}"
            raise Stalled(Reason.SignatureInvalid, text)

    def _verify(self, mirror: mirrors.Mirror, tag: str, sha: str, signers: Signers) -> _Answer:
        """The names of the key that signed, or why there is none; and the name a tag was signed by."""
        ring = self._keyring(signers)
        with MemoryFiles() as files:
            call = commands.Call(
                config=(
                    ("gpg.program", "gpg"),
                    ("gpg.x509.program", "false"),
                    ("gpg.ssh.program", "ssh-keygen"),
                    ("gpg.ssh.allowedSignersFile", files.add("signers", signers.ssh + "\n")),
                ),
                environment={"GNUPGHOME": str(ring)},
            )
            output = mirror.run("verify-tag" if tag else "verify-commit", "--raw", tag or sha, call=call)
        names, problem = _read(output.stderr) if output.status == 0 else (frozenset(), _trouble(output.stderr))
        return names, problem, _own_name(mirror, tag) if tag else ""

    def _keyring(self, signers: Signers) -> Path:
        """A keyring with exactly these keys, made whole or not at all."""
        place = self._directory / signers.digest
        with self._lock:
            if place.exists():
                return place
            draft = self._directory / f".{signers.digest}"
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True, mode=0o700)
            (draft / "gpg.conf").write_text(
                "no-autostart\nno-auto-key-retrieve\nno-auto-key-import\ntrust-model always\n"
            )
            if signers.gnupg:
                self._import(draft, signers.gnupg)
            draft.rename(place)
            return place

    @staticmethod
    def _import(home: Path, keys: tuple[str, ...]) -> None:
        command = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--import"]
        try:
            subprocess.run(
                command, input="\n".join(keys).encode(), capture_output=True, timeout=_IMPORT_SECONDS, check=False
            )
        except FileNotFoundError as error:
            text = "the program 'gpg' is not installed or not on PATH, so no signature can be verified: install it"
            raise Stalled(Reason.SignatureInvalid, text) from error
        except subprocess.TimeoutExpired as error:
            raise Retry(Reason.SignatureInvalid, "importing the GnuPG keys took too long") from error


def _own_name(mirror: mirrors.Mirror, tag: str) -> str:
    found = _TAG.search(mirror.local("cat-file", "tag", tag).decode("utf-8", "replace").partition("\n\n")[0])
    return found["name"] if found is not None else ""


def _read(told: str) -> tuple[frozenset[str], str]:
    valid = _VALID.search(told)
    if valid is not None and _GOOD.search(told):
        return frozenset({valid["own"], valid["primary"]}), ""
    ssh = _SSH.search(told)
    if ssh is not None:
        return frozenset({ssh["print"], ssh["principal"]}), ""
    return frozenset(), "its signature cannot be understood"


def _trouble(told: str) -> str:
    for word, problem in _TROUBLE.items():
        if f"[GNUPG:] {word} " in told:
            return problem
    unknown = _UNKNOWN.search(told)
    if unknown is not None:
        return f"it is signed by {unknown['id']}, a key that is not in the ConfigMap argocd-gpg-keys-cm"
    stranger = _SSH_STRANGER.search(told)
    if stranger is not None:
        return f"it is signed by {stranger['print']}, a key that is not in the ConfigMap gitsync-allowed-signers"
    if "cannot run" in told:
        return "the program that verifies signatures (gpg or ssh-keygen) is not installed"
    return (
        "its signature cannot be verified" if "GNUPG" in told or "signature" in told.lower() else "it has no signature"
    )


def _is_one(wanted: str, names: frozenset[str]) -> bool:
    digits = wanted.upper().removeprefix("0X").replace(" ", "")
    if re.fullmatch(r"[0-9A-F]+", digits) and len(digits) >= _SHORTEST_ID:
        return any(name.endswith(digits) for name in names)
    return wanted in names
