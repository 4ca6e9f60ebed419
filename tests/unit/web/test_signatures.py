"""Signatures of push notifications."""

import pytest

from gitsync.web import signatures

SECRET = b"a long random text"
BODY = b'{"repository": "https://example.org/a"}'


def test_the_signature_is_what_openssl_and_flux_compute() -> None:
    # printf '{"repository": "https://example.org/a"}' | openssl dgst -sha256 -hmac 'a long random text'
    assert signatures.sign(BODY, SECRET) == ("sha256=17c1d68467f54ac7e45ec2a09991d16458d868ea4832048dafb234eb726d15ab")


@pytest.mark.parametrize(
    ("header", "valid"),
    [
        (signatures.sign(BODY, SECRET), True),
        (f" {signatures.sign(BODY, SECRET).upper()} ", True),
        (signatures.sign(BODY, SECRET).removeprefix("sha256="), False),
        (signatures.sign(BODY, b"another secret"), False),
        (signatures.sign(BODY + b" ", SECRET), False),
        (signatures.sign(BODY, SECRET)[:-1], False),
        ("sha256=", False),
        ("", False),
        ("sha256=é", False),
    ],
)
def test_only_the_whole_right_signature_counts(header: str, valid: bool) -> None:
    assert signatures.is_valid(header, BODY, SECRET) is valid
