"""A short pod that lists the complete checkpoints and savepoints below directories that only the job's pods can see.

Made from the JobManager's pod template, so that it has the job's volumes, image, account and place; without what only
a JobManager needs. It prints one line "<seconds since 1970> <path of _metadata>" each (GNU stat), then END.
"""

from operator_core.jsonvalues import Object, dig

END = "END"
PURPOSE = "gitsync.io/listing-for"
"""Annotation that says what the listing is for."""
_SCRIPT = f"find \"$@\" -maxdepth 2 -name _metadata -exec stat -c '%.3Y %n' {{}} + 2>/dev/null; echo {END}"
_KEPT = (
    "affinity",
    "imagePullSecrets",
    "nodeSelector",
    "priorityClassName",
    "runtimeClassName",
    "securityContext",
    "serviceAccountName",
    "tolerations",
)
_KEPT_OF_CONTAINER = ("name", "image", "imagePullPolicy", "securityContext")
_MAIN = "flink-main-container"


def name_of(cluster: str) -> str:
    """The pod's name."""
    return f"{cluster}-state-listing"


def pod(jobmanager: Object, directories: tuple[str, ...], purpose: str) -> Object:
    """The pod; `jobmanager` is the JobManager Deployment's manifest, `directories` are absolute paths."""
    meta, template = jobmanager["metadata"], dig(jobmanager, "spec", "template", "spec", default={})
    main = main_container(jobmanager)
    volumes = [each for each in template.get("volumes") or [] if not _is_ours(each, meta["name"])]
    present = {each["name"] for each in volumes}
    container: Object = {
        **{key: main[key] for key in _KEPT_OF_CONTAINER if key in main},
        "command": ["/bin/sh", "-c", _SCRIPT, "list"],
        "args": list(directories),
        "volumeMounts": [each for each in main.get("volumeMounts") or [] if each["name"] in present],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name_of(meta["name"]),
            "namespace": meta["namespace"],
            "annotations": {PURPOSE: purpose},
            "labels": {"gitsync.io/state-listing": meta["name"]},
            "ownerReferences": meta.get("ownerReferences") or [],
        },
        "spec": {
            **{key: template[key] for key in _KEPT if key in template},
            "activeDeadlineSeconds": 120,
            "containers": [container],
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "volumes": volumes,
        },
    }


def main_container(jobmanager: Object) -> Object:
    """The container that runs Flink, of the JobManager Deployment's manifest."""
    found: list[Object] = dig(jobmanager, "spec", "template", "spec", "containers", default=[])
    return next(each for each in found if each["name"] == _MAIN)


def _is_ours(volume: Object, cluster: str) -> bool:
    """Whether a volume shows a ConfigMap that comes and goes with the cluster."""
    name = str(dig(volume, "configMap", "name", default=""))
    return name in (f"flink-config-{cluster}", f"pod-template-{cluster}")
