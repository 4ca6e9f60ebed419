"""Defaults that need no configuration file: the ones the Java operator's Helm chart installs.

One task slot, parallelism one, and the module flags Flink needs on Java 17 (the list of Flink's own
config.yaml; JDK module system, JEP 403), under the option each version reads.
"""

from collections.abc import Mapping
from types import MappingProxyType

_EXPORTS = ("java.base/sun.net.util", "java.rmi/sun.rmi.registry", "java.security.jgss/sun.security.krb5")
_OPENS = (
    "java.base/java.lang",
    "java.base/java.net",
    "java.base/java.io",
    "java.base/java.nio",
    "java.base/sun.nio.ch",
    "java.base/java.lang.reflect",
    "java.base/java.text",
    "java.base/java.time",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.util.concurrent.locks",
)
MODULE_FLAGS = " ".join(
    [f"--add-exports={package}=ALL-UNNAMED" for package in _EXPORTS]
    + [f"--add-opens={package}=ALL-UNNAMED" for package in _OPENS]
)

DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        "taskmanager.numberOfTaskSlots": "1",
        "parallelism.default": "1",
        "kubernetes.operator.default-configuration.flink-version.v1_18.env.java.opts.all": MODULE_FLAGS,
        "kubernetes.operator.default-configuration.flink-version.v1_19+.env.java.default-opts.all": MODULE_FLAGS,
    }
)
