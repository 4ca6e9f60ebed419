"""How the agent identifies to a repository, and what it takes a server's word for.

Pure. Which repository gets which of these is decided elsewhere; how Git is given them is
`identification`. No value here is ever shown, not even by repr. Fields: Argo CD's repository
Secrets, its ConfigMaps of known hosts and of certificates.
"""

from dataclasses import dataclass, field

from operator_core.errors import Reason, Stalled


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who the agent is: a user name with a password or token, a bearer token, an ssh key, a client certificate.

    `known_hosts` are lines of ssh's known_hosts, `ca_certificates` PEM certificates to trust instead of the
    system's (`ca_file`: a file of them). `insecure` trusts any host; `depth`
    is how many commits of each branch to fetch, 0 for all; with `partial` files are fetched when they are
    needed. Keys and certificates are PEM text.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    bearer_token: str = field(default="", repr=False)
    ca_file: str = ""
    ssh_key: str = field(default="", repr=False)
    known_hosts: str = field(default="", repr=False)
    ca_certificates: str = field(default="", repr=False)
    client_certificate: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)
    proxy: str = field(default="", repr=False)
    no_proxy: str = ""
    insecure: bool = False
    depth: int = 0
    partial: bool = False

    def __post_init__(self) -> None:
        in_one_line = (self.username, self.password, self.bearer_token, self.proxy, self.no_proxy)
        if any(ord(char) < 32 for text in in_one_line for char in text):
            raise Stalled(Reason.RepositoryRefused, "credentials of a repository must not hold control characters")

    @property
    def identifies(self) -> bool:
        """Whether there is anything to send."""
        sent = (self.username, self.password, self.bearer_token, self.ssh_key, self.client_certificate)
        return any(sent)
