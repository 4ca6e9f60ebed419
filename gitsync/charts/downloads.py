"""Downloads over https with the credentials of one repository, bounded in size and time.

The only place of the Git half that opens connections itself. Credentials go to the repository's own host and
to no other, also not through a redirect; whatever a network can cause is a Retry.
"""

import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from gitsync.git.access import Credentials
from gitsync.git.memoryfiles import MemoryFiles
from operator_core.errors import Reason, Retry, Stalled

_TIMEOUT = httpx.Timeout(30.0, connect=15.0)
_MOST_REDIRECTS = 5
_BUSY_PAUSE = 60.0
_LONGEST_PAUSE = 3600.0
_BUSY = (429, 503)


class Answer:
    """What a server said: its status, headers and content."""

    def __init__(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.status, self.headers, self.content = status, headers, content


class Downloads:
    """Requests to one repository and to where it leads. Close it."""

    def __init__(self, base: str, credentials: Credentials | None, *, loopback_http: bool = False) -> None:
        self._host = _place(base)
        self._known = credentials or Credentials()
        self._schemes = ("https", "http") if loopback_http else ("https",)
        self._client = httpx.Client(
            verify=_context(self._known),
            proxy=self._known.proxy or None,
            timeout=_TIMEOUT,
            follow_redirects=False,
            headers={"User-Agent": "gitsync"},
        )

    def close(self) -> None:
        """End its connections."""
        self._client.close()

    def get(self, url: str, largest: int, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer to a GET, redirects followed. Raises Retry, and Stalled for what is refused or too large."""
        given = dict(headers or {})
        for _ in range(_MOST_REDIRECTS):
            answer = self._one(url, largest, given)
            if answer.status not in (301, 302, 303, 307, 308) or "location" not in answer.headers:
                return answer
            url = str(httpx.URL(url).join(answer.headers["location"]))
            if _place(url) != self._host:
                given.pop("Authorization", None)
        raise Retry(Reason.RepositoryUnreachable, f"{_shown(url)} redirects without end")

    def checked(self, url: str, largest: int, headers: Mapping[str, str] | None = None) -> Answer:
        """As `get`, but every status other than 200 and 304 is an error."""
        answer = self.get(url, largest, headers)
        if answer.status in (200, 304):
            return answer
        raise failure(url, answer)

    def _one(self, url: str, largest: int, headers: dict[str, str]) -> Answer:
        if urlsplit(url).scheme not in self._schemes:
            raise Stalled(Reason.RepositoryRefused, f"{_shown(url)} is refused: charts are only downloaded over https")
        auth = None
        if _place(url) == self._host and "Authorization" not in headers and self._known.password:
            auth = httpx.BasicAuth(self._known.username or "git", self._known.password)
        try:
            with self._client.stream("GET", url, headers=headers, auth=auth) as response:
                content = b""
                for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) > largest:
                        text = f"{_shown(url)} is larger than the {largest} bytes that are read"
                        raise Stalled(Reason.RepositoryRefused, text)
                return Answer(response.status_code, response.headers, content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = str(error) or type(error).__name__
            raise Retry(Reason.RepositoryUnreachable, f"cannot read {_shown(url)}: {why}") from error


def failure(url: str, answer: Answer) -> Retry:
    """What a refusal means."""
    if answer.status in _BUSY:
        asked = answer.headers.get("retry-after", "")
        pause = min(float(asked), _LONGEST_PAUSE) if asked.isdigit() else _BUSY_PAUSE
        text = f"{_shown(url)} asks to come back later, in {pause:.0f} seconds"
        return Retry(Reason.RepositoryUnreachable, text, after=max(pause, 1.0))
    if answer.status in (401, 403):
        why = "it refused the credentials (or wants some): check user name, token and their expiry"
    elif answer.status == 404:
        why = "there is nothing at this address, or no permission to see it"
    else:
        why = f"it answered with status {answer.status}"
    return Retry(Reason.RepositoryUnreachable, f"cannot read {_shown(url)}: {why}")


def _context(known: Credentials) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=known.ca_file or None, cadata=known.ca_certificates or None)
    if known.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if known.client_certificate:
        with MemoryFiles() as files:
            pair = files.add("certificate", known.client_certificate), files.add("key", known.client_key)
            context.load_cert_chain(*pair)
    return context


def _place(url: str) -> tuple[str, int | None]:
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port


def _shown(url: str) -> str:
    """A URL without its query, where signed downloads keep their secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
