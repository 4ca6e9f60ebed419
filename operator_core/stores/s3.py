"""S3-compatible stores through minio, which is imported nowhere else: two kinds of list request, bounded and signed.

Without keys in the settings the agent's own are taken, wherever its environment has them (variables, a file, a web
identity, the machine). Library errors become one StoreError that says what to do, never in the words of the server.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import TypeVar
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

import minio
import urllib3
from minio import error
from minio.credentials import providers

from operator_core.conf.s3options import S3Settings
from operator_core.stores.boundedpools import BoundedPool, TooLate, TooLong
from operator_core.stores.errors import StoreError

_AWS = "https://s3.amazonaws.com"
_ANY_REGION = "us-east-1"
_DENIED = "access is denied; let its credentials list the bucket (s3:ListBucket)"
_ANOTHER_REGION = "the bucket is in another region; set s3.endpoint.region in flinkConfiguration"
_OLD_TOKEN = "the session token is no longer valid; renew it"
_REMEDIES = {
    "AccessDenied": _DENIED,
    "AllAccessDisabled": _DENIED,
    "NoSuchBucket": "there is no such bucket; check the directory and s3.endpoint",
    "InvalidAccessKeyId": "the access key is not known there; check the credentials and s3.endpoint",
    "SignatureDoesNotMatch": "the secret key does not fit the access key; check the credentials",
    "RequestTimeTooSkewed": "the agent's clock and the store's differ too much; set the clock of the agent's node",
    "ExpiredToken": _OLD_TOKEN,
    "InvalidToken": _OLD_TOKEN,
    "PermanentRedirect": _ANOTHER_REGION,
    "Redirect": _ANOTHER_REGION,
    "AuthorizationHeaderMalformed": _ANOTHER_REGION,
}
_CODE = re.compile(r"\w{1,64}")

T = TypeVar("T")


class S3Store:
    """One endpoint with one set of credentials. `seconds`: the time for all requests together."""

    def __init__(self, settings: S3Settings, seconds: float) -> None:
        """Raises StoreError where the settings are no endpoint, or no credentials are found."""
        self._endpoint = settings.endpoint or _AWS
        self._pool = BoundedPool(seconds)
        parts = urlsplit(self._endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.username:
            raise StoreError("s3.endpoint is no URL of a host; write for instance https://s3.example.org")
        region = settings.region or (_ANY_REGION if settings.endpoint is not None else None)
        try:
            self._client = minio.Minio(
                parts.netloc,
                secure=parts.scheme == "https",
                region=region,
                http_client=self._pool,
                credentials=_provider(settings, self._pool),
            )
        except ValueError as refused:
            raise StoreError("s3.endpoint or s3.endpoint.region cannot be used; correct them") from refused
        if settings.path_style:
            self._client.disable_virtual_style_endpoint()

    def folders(self, bucket: str, prefix: str, most: int) -> tuple[str, ...]:
        """Keys of folders that begin with `prefix`, no slash at their ends; at most `most`. Raises StoreError."""
        entries = self._asked(bucket, lambda: list(islice(self._folders(bucket, prefix), most)))
        return tuple(entries)

    def written(self, bucket: str, key: str) -> datetime | None:
        """When an object was written; None where there is none. Raises StoreError."""
        found = self._asked(bucket, lambda: list(islice(self._client.list_objects(bucket, key, recursive=True), 1)))
        moment: datetime | None = next((each.last_modified for each in found if each.object_name == key), None)
        return moment

    def _folders(self, bucket: str, prefix: str) -> Iterator[str]:
        for each in self._client.list_objects(bucket, prefix):
            if each.is_dir and each.object_name:
                yield each.object_name.rstrip("/")

    def _asked(self, bucket: str, ask: Callable[[], T]) -> T:
        with _translated(f"{bucket} at {self._endpoint}"):
            return ask()


def _provider(settings: S3Settings, pool: BoundedPool) -> providers.Provider:
    """Where keys come from; the agent's own are got at once, so that their lack is told as what it is."""
    if settings.keys is not None:
        return providers.StaticProvider(settings.keys.access, settings.keys.secret, settings.keys.token)
    own = providers.ChainedProvider(
        [
            providers.EnvAWSProvider(),
            providers.AWSConfigProvider(),
            providers.IamAwsProvider(http_client=pool),
        ]
    )
    try:
        own.retrieve()
    except (ValueError, KeyError, OSError, ParseError, urllib3.exceptions.HTTPError) as missing:
        raise StoreError(
            "there are no credentials: set s3.access-key and s3.secret-key in flinkConfiguration, AWS_ACCESS_KEY_ID "
            "and AWS_SECRET_ACCESS_KEY in the pod template, or give the agent some of its own"
        ) from missing
    return own


@contextmanager
def _translated(place: str) -> Iterator[None]:
    """Library errors as StoreError. `place` is a bucket and its endpoint."""
    try:
        yield
    except error.S3Error as refused:
        raise StoreError(f"bucket {place}: {_remedy(refused.code)}") from refused
    except (error.MinioException, ParseError) as strange:
        raise StoreError(f"bucket {place}: what answers there does not speak S3; check s3.endpoint") from strange
    except (TooLate, TooLong) as endless:
        raise StoreError(f"bucket {place}: its answers take too long; try again, or name a path") from endless
    except (urllib3.exceptions.HTTPError, OSError) as silent:
        raise StoreError(f"bucket {place} cannot be reached: {_why(silent)}; check s3.endpoint") from silent
    except ValueError as unusable:
        raise StoreError(f"bucket {place} cannot be asked for; check the names of directory and endpoint") from unusable


def _remedy(code: str | None) -> str:
    known = _REMEDIES.get(code or "")
    if known is not None:
        return known
    named = code if code and _CODE.fullmatch(code) else "an unknown error"
    return f"the store answers {named}; look for it in the store's documentation"


def _why(silent: Exception) -> str:
    """The kind of failure, in words of our own."""
    reason = getattr(silent, "reason", silent)
    match reason:
        case urllib3.exceptions.NameResolutionError():
            return "its name cannot be resolved"
        case urllib3.exceptions.SSLError():
            return "its certificate is not trusted (AWS_CA_BUNDLE names other authorities)"
        case urllib3.exceptions.NewConnectionError():
            return "nothing listens there"
        case urllib3.exceptions.TimeoutError():
            return "no answer in time"
        case _:
            return "the connection broke"
