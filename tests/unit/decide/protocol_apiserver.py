"""A model of the API server for protocol tests: objects, versions, preconditions, finalizers, conflicts.

Understands the `Request` values that the operator sends, nothing else. A foreground deletion keeps a
Deployment until `collect` finds its pods gone, as the garbage collector does.
"""

import json
import re
from collections.abc import Callable

from operator_core.jsonvalues import Object, dig
from operator_core.kube import errors
from operator_core.kube.requests import APPLY_PATCH, MERGE_PATCH, Request

Key = tuple[str, str]
_PATH = re.compile(
    r"/(?:api|apis/[^/]+)/v[^/]+/namespaces/[^/]+/(?P<kind>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>[^/]+))?"
)


class ApiServer:
    """One namespace. `stamp` gives the present as Kubernetes writes it."""

    def __init__(self, stamp) -> None:
        self.objects: dict[Key, Object] = {}
        self.stamp = stamp
        self.version = 100
        self.uids = 0
        self.refused_images: set[str] = set()
        self.created: list[Object] = []
        self.before_create: list[Callable[[str, Object], None]] = []

    def send(self, request: Request) -> Object:
        """The answer, as the API server would give it."""
        match = _PATH.fullmatch(request.path)
        assert match, request.path
        kind, name, sub = match["kind"], match["name"], match["sub"]
        if request.method == "GET" and name is None:
            return self._list(kind, dict(request.query).get("labelSelector", ""))
        if request.method == "POST":
            return self._create(kind, request)
        obj = self.objects.get((kind, name))
        if request.content_type == APPLY_PATCH:
            return self._apply(kind, name, request.body)
        if obj is None:
            raise errors.NotFound(404, f"{kind} {name} not found")
        match request.method:
            case "GET":
                return _sent(obj)
            case "PUT":
                return self._replace_status(kind, obj, sub, request.body)
            case "PATCH":
                assert request.content_type == MERGE_PATCH
                return self._patch(kind, obj, request.body)
            case "DELETE":
                return self._delete(kind, obj, request.body)
        raise AssertionError(request)

    def send_bytes(self, request: Request) -> bytes:
        """Logs: there are none."""
        raise errors.NotFound(404, "no log")

    def get(self, kind: str, name: str) -> Object | None:
        """The stored object itself."""
        return self.objects.get((kind, name))

    def put(self, kind: str, obj: Object) -> Object:
        """Store as a new version."""
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        self.objects[(kind, obj["metadata"]["name"])] = obj
        return obj

    def remove(self, kind: str, name: str) -> None:
        """Take an object away."""
        self.version += 1
        self.objects.pop((kind, name), None)

    def born(self, kind: str, obj: Object) -> Object:
        """Store a new object."""
        self.uids += 1
        meta = obj["metadata"]
        meta |= {"uid": f"uid-{self.uids}", "creationTimestamp": self.stamp(), "namespace": "ns", "generation": 1}
        return self.put(kind, obj)

    def edit_spec(self, name: str, change, kind: str = "flinkdeployments") -> None:
        """A user changes the spec of a resource."""
        obj = self.objects[(kind, name)]
        change(obj["spec"])
        obj["metadata"]["generation"] += 1
        self.put(kind, obj)

    def collect(self, has_pods) -> None:
        """The garbage collector: foreground deletions end, orphans of dead owners go."""
        for (kind, name), obj in list(self.objects.items()):
            if kind == "deployments" and obj["metadata"].get("deletionTimestamp") and not has_pods(obj):
                self.remove(kind, name)
        alive = {obj["metadata"]["uid"] for obj in self.objects.values()}
        for (kind, name), obj in list(self.objects.items()):
            owners = [owner["uid"] for owner in obj["metadata"].get("ownerReferences", [])]
            if owners and not alive.intersection(owners):
                self.remove(kind, name)

    def _list(self, kind: str, labels: str) -> Object:
        wanted = dict(pair.split("=") for pair in labels.split(",") if pair)
        items = [
            _sent(obj)
            for (stored, _), obj in self.objects.items()
            if stored == kind and wanted.items() <= (dig(obj, "metadata", "labels", default={})).items()
        ]
        return {"items": items, "metadata": {"resourceVersion": str(self.version)}}

    def _create(self, kind: str, request: Request) -> Object:
        body = _sent(request.body)
        image = dig(body, "spec", "template", "spec", "containers", 0, "image")
        if image in self.refused_images:
            raise errors.Invalid(422, f"the image {image} is refused")
        if (kind, body["metadata"]["name"]) in self.objects:
            raise errors.AlreadyExists(409, "already exists")
        if ("dryRun", "All") in request.query:
            return body
        for check in self.before_create:
            check(kind, body)
        created = self.born(kind, body)
        self.created.append(_sent(created))
        return _sent(created)

    def _apply(self, kind: str, name: str, body: Object) -> Object:
        old = self.objects.get((kind, name))
        if old is None:
            return _sent(self.born(kind, _sent(body)))
        new = _sent(body)
        new["metadata"] = {**old["metadata"], **new["metadata"]}
        return _sent(self.put(kind, new))

    def _replace_status(self, kind: str, obj: Object, sub: str | None, body: Object) -> Object:
        assert sub == "status", "only the status is ever replaced"
        if body["metadata"].get("resourceVersion") != obj["metadata"]["resourceVersion"]:
            raise errors.Conflict(409, "the object has been modified")
        obj["status"] = json.loads(json.dumps(body["status"]))
        return _sent(self.put(kind, obj))

    def _patch(self, kind: str, obj: Object, body: Object) -> Object:
        meta = body.get("metadata") or {}
        for field in ("uid", "resourceVersion"):
            if field in meta and meta[field] != obj["metadata"][field]:
                raise errors.Conflict(409, f"{field} does not match")
        _merge(obj, {**body, "metadata": {k: v for k, v in meta.items() if k not in ("uid", "resourceVersion")}})
        self.put(kind, obj)
        ending = kind in ("flinkdeployments", "flinksessionjobs") and obj["metadata"].get("deletionTimestamp")
        if ending and not obj["metadata"].get("finalizers"):
            self.remove(kind, obj["metadata"]["name"])
        return _sent(obj)

    def _delete(self, kind: str, obj: Object, options: Object) -> Object:
        uid = dig(options, "preconditions", "uid")
        if kind == "deployments":
            assert uid, "a JobManager Deployment is only deleted by its uid"
        if uid and uid != obj["metadata"]["uid"]:
            raise errors.Conflict(409, "the uid does not match")
        if kind == "deployments" and options["propagationPolicy"] == "Foreground":
            obj["metadata"].setdefault("deletionTimestamp", self.stamp())
            return _sent(self.put(kind, obj))
        self.remove(kind, obj["metadata"]["name"])
        return {"kind": "Status", "status": "Success"}


def _sent(obj: Object) -> Object:
    """The object as it comes out at the other end of a connection."""
    return json.loads(json.dumps(obj))


def _merge(target: Object, patch: Object) -> None:
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = _sent(value)


class LaggingCache:
    """A watch cache that is told of changes late, but never forgets our own writes."""

    def __init__(self, server: ApiServer, kind: str) -> None:
        self._server = server
        self._kind = kind
        self._seen: dict[str, Object] = {}
        self._gone: dict[str, int] = {}

    def catch_up(self) -> None:
        """The watch delivers all there is."""
        live = {name: obj for (kind, name), obj in self._server.objects.items() if kind == self._kind}
        self._seen = {name: self._delivered(name, obj) for name, obj in live.items()}
        self._gone.clear()

    def _delivered(self, name: str, live: Object) -> Object:
        known = self._seen.get(name)
        same = known is not None and known["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]
        return known if known is not None and same else _sent(live)

    def get(self, namespace, name):
        """What the watch told last."""
        return self._seen.get(name)

    def items(self, namespace=None):
        """All of it."""
        return list(self._seen.values())

    def observed(self, obj) -> None:
        """An answer to our own request."""
        name = obj["metadata"]["name"]
        known = self._seen.get(name)
        if known is None or int(known["metadata"]["resourceVersion"]) < int(obj["metadata"]["resourceVersion"]):
            self._seen[name] = _sent(obj)

    def forget(self, namespace, name, version=0) -> None:
        """A live read found nothing."""
        self._seen.pop(name, None)
