"""What Helm's own annotations mean for an object that is synced and not installed.

Pure. Rules: Argo CD, "Helm hooks": an Argo CD hook on the object wins, hooks nothing corresponds to take
the object out, `resource-policy: keep` keeps it from being deleted.
"""

from operator_core.jsonvalues import Object, dig

_HOOK = "helm.sh/hook"
_OWN = "argocd.argoproj.io/"
_PHASES = {
    "pre-install": "PreSync",
    "pre-upgrade": "PreSync",
    "post-install": "PostSync",
    "post-upgrade": "PostSync",
    "pre-delete": "PreDelete",
    "post-delete": "PostDelete",
}
_DELETION = {
    "before-hook-creation": "BeforeHookCreation",
    "hook-succeeded": "HookSucceeded",
    "hook-failed": "HookFailed",
}


def mapped(body: Object) -> Object | None:
    """The object with Argo CD's annotations for Helm's; None for a hook that never runs in a sync."""
    given = dig(body, "metadata", "annotations", default={})
    added: dict[str, str] = {}
    if given.get("helm.sh/resource-policy") == "keep":
        options = str(given.get(f"{_OWN}sync-options") or "")
        if "Delete=" not in options:
            added[f"{_OWN}sync-options"] = ",".join(part for part in (options, "Delete=false") if part)
    hooks = _parts(given.get(_HOOK))
    if hooks and f"{_OWN}hook" not in given and hooks != ["crd-install"]:
        phases = list(dict.fromkeys(_PHASES[hook] for hook in hooks if hook in _PHASES))
        if not phases:
            return None
        added[f"{_OWN}hook"] = ",".join(phases)
        policies = [_DELETION[one] for one in _parts(given.get("helm.sh/hook-delete-policy")) if one in _DELETION]
        if policies:
            added[f"{_OWN}hook-delete-policy"] = ",".join(policies)
        weight = given.get("helm.sh/hook-weight")
        if isinstance(weight, str) and f"{_OWN}sync-wave" not in given:
            added[f"{_OWN}sync-wave"] = weight
    if not added:
        return body
    return {**body, "metadata": {**body["metadata"], "annotations": {**given, **added}}}


def _parts(text: object) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()] if isinstance(text, str) else []
