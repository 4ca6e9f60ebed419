"""Writes what the control plane and its clients know each other by: keys, one token, two kubeconfigs.

What is there and still valid stays as it is, so that a kubeconfig survives `down` and `up`.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from pathlib import Path

from gitsync.sandbox import components, errors, prebuilt
from gitsync.sandbox import layout as layouts
from gitsync.sandbox.layout import Layout


def write(layout: Layout, api_port: int, address: str) -> None:
    """Make certs/ and the kubeconfigs for an API server at `api_port` of the host's loopback, at `address` inside."""
    if prebuilt.is_used(layout):
        prebuilt.write_certificates(layout)
    else:
        _make_certificates(layout)
    layout.egress.write_text(components.egress(layout), encoding="utf-8")
    if not layout.tokens.exists():
        write_private(layout.tokens, components.tokens_file(secrets.token_urlsafe(32)))
    token = layout.tokens.read_text(encoding="ascii").partition(",")[0]
    authority = layout.authority.read_text(encoding="ascii")
    inside = f"https://{address}:{layouts.API_PORT}"
    write_private(layout.kubeconfig, components.kubeconfig(f"https://localhost:{api_port}", authority, token))
    write_private(layout.kubeconfig_inside, components.kubeconfig(inside, authority, token))


def _make_certificates(layout: Layout) -> None:
    done = subprocess.run(components.certificates_command(layout), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise errors.SandboxError(f"no certificates in {layout.certs}: {done.stderr.strip()}")


def write_private(path: Path, text: str) -> None:
    """Replace a file that only its owner may read."""
    scratch = path.with_name(path.name + ".new")
    scratch.unlink(missing_ok=True)
    with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    scratch.rename(path)
