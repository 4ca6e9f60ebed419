"""Where the TLS material of a cluster is, from its configuration and pod template."""

import pytest

from operator_core.conf import resttls
from operator_core.conf.resttls import SecretFile
from operator_core.jsonvalues import Object

ON = {"security.ssl.rest.enabled": "true", "security.ssl.rest.truststore": "/certs/trust.p12"}


def template(volume: Object, **mount: str) -> Object:
    mounted = {"name": "certs", "mountPath": "/certs", **mount}
    container = {"name": "flink-main-container", "volumeMounts": [mounted]}
    return {"spec": {"containers": [container], "volumes": [{"name": "certs", **volume}]}}


SECRET: Object = {"secret": {"secretName": "tls"}}


@pytest.mark.parametrize(
    ("pods", "found"),
    [
        (template(SECRET), SecretFile("tls", "trust.p12")),
        (template(SECRET, mountPath="/certs/"), SecretFile("tls", "trust.p12")),
        (
            template({"secret": {"secretName": "tls", "items": [{"key": "a", "path": "trust.p12"}]}}),
            SecretFile("tls", "a"),
        ),
        (template({"secret": {"secretName": "tls", "items": [{"key": "a", "path": "other"}]}}), None),
        (template(SECRET, mountPath="/certs/trust.p12", subPath="b"), SecretFile("tls", "b")),
        (template({"projected": {"sources": [{"secret": {"name": "p"}}]}}), SecretFile("p", "trust.p12")),
        (template({"configMap": {"name": "tls"}}), None),
        (template(SECRET, mountPath="/elsewhere"), None),
        ({}, None),
    ],
)
def test_a_file_is_found_in_the_secret_it_is_mounted_from(pods: Object, found: SecretFile | None) -> None:
    tls = resttls.of(ON, pods)
    assert tls is not None and tls.trust is not None
    assert tls.trust.file == found


def test_secrets_of_the_option_are_mounted_too() -> None:
    tls = resttls.of({**ON, "kubernetes.secrets": "one:/x,tls:/certs"}, {})
    assert tls is not None and tls.trust is not None
    assert tls.trust.file == SecretFile("tls", "trust.p12")


def test_common_options_stand_in_for_those_of_rest_and_passwords_are_not_shown() -> None:
    conf = {
        "security.ssl.rest.enabled": "true",
        "security.ssl.rest.authentication-enabled": "true",
        "security.ssl.truststore": "/t",
        "security.ssl.truststore-password": "s3cr3t",
        "security.ssl.rest.keystore": "/k",
        "security.ssl.rest.keystore-password": "s3cr3t-too",
    }
    tls = resttls.of(conf, {})
    assert tls is not None and tls.trust is not None and tls.key is not None
    assert (tls.mutual, tls.trust.password, tls.key.password, tls.key.key_password) == (
        True,
        "s3cr3t",
        "s3cr3t-too",
        "s3cr3t-too",
    )
    assert "s3cr3t" not in repr(tls)


def test_nothing_is_needed_without_tls() -> None:
    assert resttls.of({"security.ssl.rest.truststore": "/t"}, {}) is None
