"""Flink's REST with TLS and mutual TLS: stores of every kind, and a real server on the loopback interface."""

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from operator_core.conf.resttls import RestTls, SecretFile, Store
from operator_core.errors import AgentError
from operator_core.flink import keystores, requests
from operator_core.flink.errors import FlinkUnreachable
from operator_core.flink.rest import Address, DirectTransport, ProxyTransport
from operator_core.flink.tlscontexts import Files, TlsContexts
from operator_core.jsonvalues import Object
from operator_core.runtime.clock import SystemClock

STORES = Path(__file__).parent / "stores"
DER = (STORES / "c.der").read_bytes()


@pytest.mark.parametrize("name", ["trust.jks", "trust.p12"])
def test_trust_stores_of_keytool_are_read(name: str) -> None:
    assert keystores.read((STORES / name).read_bytes(), "changeit").certificates == (DER,)


def test_a_jks_key_store_gives_its_key_and_chain() -> None:
    found = keystores.read((STORES / "key.jks").read_bytes(), "changeit", "changeit2")
    assert found.key is not None
    key = serialization.load_pem_private_key(found.key, None)
    certificate = x509.load_der_x509_certificate(found.chain[0])
    assert key.public_key() == certificate.public_key()


@pytest.mark.parametrize(
    ("name", "password", "told"),
    [
        ("trust.jks", "wrong", "the password does not fit"),
        ("key.jks", "changeit", "the password does not fit the key"),
        ("trust.p12", "wrong", "password"),
    ],
)
def test_a_wrong_password_is_told(name: str, password: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        keystores.read((STORES / name).read_bytes(), password)


@pytest.mark.parametrize("data", [b"", b"\xfe\xed\xfe\xed", b"nonsense", b"-----BEGIN CERTIFICATE-----\nx"])
def test_damaged_stores_are_told(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        keystores.read(data, "changeit")


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"jobs": []}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Quiet(HTTPServer):
    def handle_error(self, *_: object) -> None:
        pass


class Material:
    """An authority, the server's certificate, and Secrets with them."""

    def __init__(self) -> None:
        self.authority = trustme.CA()
        self.server = self.authority.issue_cert("app-rest.jobs")
        self.stranger = trustme.CA()
        self.secrets: dict[str, Object] = {}
        self.put("pem", {"ca.crt": self.authority.cert_pem.bytes()})
        self.put("pair", {"tls.crt": self.chain, "tls.key": self.key_pem, "key.p12": self.pkcs12("pw")})

    @property
    def chain(self) -> bytes:
        return b"".join(blob.bytes() for blob in self.server.cert_chain_pems)

    @property
    def key_pem(self) -> bytes:
        return self.server.private_key_pem.bytes()

    def pkcs12(self, password: str) -> bytes:
        key = serialization.load_pem_private_key(self.key_pem, None)
        certificate = x509.load_pem_x509_certificates(self.chain)[0]
        encryption = serialization.BestAvailableEncryption(password.encode())
        return pkcs12.serialize_key_and_certificates(b"rest", key, certificate, None, encryption)  # type: ignore[arg-type]

    def put(self, name: str, data: dict[str, bytes]) -> None:
        self.secrets[name] = {"data": {key: base64.b64encode(value).decode() for key, value in data.items()}}

    def contexts(self, files: Files | None = None) -> TlsContexts:
        return TlsContexts(lambda _, name: self.secrets[name], SystemClock(), files)


@pytest.fixture(scope="module")
def material() -> Material:
    return Material()


@pytest.fixture(params=[False, True], ids=["tls", "mutual"])
def served(material: Material, request: pytest.FixtureRequest) -> Iterator[tuple[Address, bool]]:
    """The address of a server that answers as Flink does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    material.server.configure_cert(context)
    if request.param:
        context.verify_mode = ssl.CERT_REQUIRED
        material.authority.configure_trust(context)
    server = _Quiet(("127.0.0.1", 0), _Answers)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Address("jobs", "app", int(server.server_address[1])), bool(request.param)
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Service's name means this machine."""
    real = httpx.Client.request

    def here(client: httpx.Client, method: str, url: str, **rest: object) -> httpx.Response:
        return real(client, method, str(url).replace("app-rest.jobs", "127.0.0.1"), **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(httpx.Client, "request", here)


def at(address: Address, tls: RestTls) -> Address:
    return Address(address.namespace, address.name, address.port, tls)


PEM = Store("/certs/ca.crt", SecretFile("pem", "ca.crt"))
PAIR = Store("/certs/tls.crt", SecretFile("pair", "tls.crt"))
P12 = Store("/certs/key.p12", SecretFile("pair", "key.p12"), "pw", "pw")
NOWHERE = Store("/image/trust.jks", None)


@pytest.mark.parametrize("key", [PAIR, P12], ids=["pem", "pkcs12"])
def test_material_of_the_cluster_is_used(material: Material, served: tuple[Address, bool], key: Store) -> None:
    address, mutual = served
    transport = DirectTransport(contexts=material.contexts())
    assert transport.send(at(address, RestTls(PEM, key, mutual)), requests.overview()) == {"jobs": []}


def test_files_of_the_agent_stand_in(material: Material, served: tuple[Address, bool], tmp_path: Path) -> None:
    address, mutual = served
    (tmp_path / "ca").write_bytes(material.authority.cert_pem.bytes())
    (tmp_path / "pair").write_bytes(material.key_pem + material.chain)
    transport = DirectTransport(contexts=material.contexts(Files(tmp_path / "ca", tmp_path / "pair")))
    assert transport.send(at(address, RestTls(NOWHERE, None, mutual)), requests.overview()) == {"jobs": []}


def test_a_server_of_a_stranger_is_not_trusted_until_the_secret_says_so(
    material: Material, served: tuple[Address, bool]
) -> None:
    address, mutual = served
    material.put("rotating", {"ca.crt": material.stranger.cert_pem.bytes()})
    tls = RestTls(Store("/ca.crt", SecretFile("rotating", "ca.crt")), PAIR, mutual)
    transport = DirectTransport(contexts=material.contexts())
    with pytest.raises(FlinkUnreachable, match="CERTIFICATE_VERIFY_FAILED"):
        transport.send(at(address, tls), requests.overview())
    material.put("rotating", {"ca.crt": material.authority.cert_pem.bytes()})
    assert transport.send(at(address, tls), requests.overview()) == {"jobs": []}


@pytest.mark.parametrize(
    ("tls", "told"),
    [
        (RestTls(NOWHERE, None, False), "the trust store /image/trust.jks comes from no Secret"),
        (RestTls(None, None, False), "there is no trust store; set security.ssl.rest.truststore"),
        (RestTls(PEM, None, True), "there is no key store; set security.ssl.rest.keystore"),
        (RestTls(Store("/x", SecretFile("pem", "x")), None, False), "Secret jobs/pem has no key x"),
        (RestTls(Store("/k", SecretFile("pair", "key.p12"), "wrong"), None, False), "/k (Secret jobs/pair)"),
    ],
)
def test_what_is_missing_is_told(material: Material, tls: RestTls, told: str) -> None:
    with pytest.raises(FlinkUnreachable) as caught:
        DirectTransport(contexts=material.contexts()).send(Address("jobs", "app", 1, tls), requests.overview())
    assert told in caught.value.message


def test_mutual_tls_and_the_proxy_do_not_go_together() -> None:
    transport = ProxyTransport(None)  # type: ignore[arg-type]
    with pytest.raises(AgentError, match="flinkRest: direct"):
        transport.send(Address("jobs", "app", 8081, RestTls(PEM, PAIR, True)), requests.overview())
