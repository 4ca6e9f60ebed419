"""One repository with the layouts that Argo CD's and the Flink operator's public examples have, made anew for tests.

Learned from their documentation: a guestbook as manifests, Kustomization, chart and Jsonnet, an app of apps as a chart,
hooks and waves; Flink jobs as single files with several documents, session clusters with jobs, a Kustomization over
them, a chart that makes them. Values here are our own.
"""

IMAGE = "registry.example.org/guestbook:0.2"


def deployment(name: str, image: str = IMAGE) -> str:
    """A Deployment with one container."""
    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  replicas: 1\n"
        f"  revisionHistoryLimit: 3\n  selector:\n    matchLabels:\n      app: {name}\n  template:\n    metadata:\n"
        f"      labels:\n        app: {name}\n    spec:\n      containers:\n      - image: {image}\n"
        f"        name: {name}\n"
        "        ports:\n        - containerPort: 80\n"
    )


def service(name: str) -> str:
    """A Service of it."""
    return (
        f"apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  ports:\n  - port: 80\n    targetPort: 80\n"
        f"  selector:\n    app: {name}\n"
    )


def hook(name: str, kind: str, wave: int) -> str:
    """A Job with Argo CD's annotations."""
    return (
        f"apiVersion: batch/v1\nkind: Job\nmetadata:\n  generateName: {name}-\n  annotations:\n"
        f"    argocd.argoproj.io/hook: {kind}\n    argocd.argoproj.io/sync-wave: '{wave}'\n"
        "    argocd.argoproj.io/hook-delete-policy: HookSucceeded\nspec:\n  template:\n    spec:\n"
        "      containers:\n      - {name: step, image: alpine, command: [sleep, '1']}\n      restartPolicy: Never\n"
    )


def flink_deployment(name: str, job: str = "", extra: str = "") -> str:
    """A FlinkDeployment; without a job a session cluster."""
    return (
        f"apiVersion: flink.apache.org/v1beta1\nkind: FlinkDeployment\nmetadata:\n  name: {name}\nspec:\n"
        "  image: flink:1.20\n  flinkVersion: v1_20\n  flinkConfiguration:\n"
        '    taskmanager.numberOfTaskSlots: "2"\n    execution.checkpointing.interval: 10 s\n'
        "  serviceAccount: flink\n  jobManager:\n    resource: {memory: 2048m, cpu: 1}\n"
        f"  taskManager:\n    resource: {{memory: 2048m, cpu: 1}}\n{job}{extra}"
    )


JOB = "  job:\n    jarURI: local:///opt/flink/examples/streaming/StateMachineExample.jar\n    parallelism: 2\n"
SESSION_JOB = """\
apiVersion: flink.apache.org/v1beta1
kind: FlinkSessionJob
metadata:
  name: {name}
spec:
  deploymentName: session
  job:
    jarURI: https://repo.example.org/TopSpeedWindowing.jar
    parallelism: 4
    upgradeMode: stateless
"""
TEMPLATED = flink_deployment("{{ .Release.Name }}-{{ $name }}", JOB.replace("2\n", "{{ $job.parallelism }}\n"))
APPLICATION = """\
{{- range .Values.apps }}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {{ . }}
  namespace: argocd
  finalizers: [resources-finalizer.argocd.argoproj.io]
spec:
  project: default
  source:
    repoURL: {{ $.Values.spec.source.repoURL }}
    targetRevision: {{ $.Values.spec.source.targetRevision }}
    path: {{ . }}
  destination: {server: {{ $.Values.spec.destination.server }}, namespace: {{ . }}}
{{- end }}
"""
VALUES = """\
spec:
  destination: {server: https://kubernetes.default.svc}
  source: {repoURL: https://git.example.org/apps, targetRevision: HEAD}
apps: [guestbook, kustomize-guestbook, sync-waves]
"""
FILES: dict[str, str] = {
    "guestbook/guestbook-ui-deployment.yaml": deployment("guestbook-ui"),
    "guestbook/guestbook-ui-svc.yaml": service("guestbook-ui"),
    "kustomize-guestbook/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
    "namePrefix: kustomize-\nresources:\n- guestbook-ui-deployment.yaml\n- guestbook-ui-svc.yaml\n",
    "kustomize-guestbook/guestbook-ui-deployment.yaml": deployment("guestbook-ui"),
    "kustomize-guestbook/guestbook-ui-svc.yaml": service("guestbook-ui"),
    "helm-guestbook/Chart.yaml": "apiVersion: v2\nname: helm-guestbook\ntype: application\nversion: 0.1.0\n",
    "helm-guestbook/values.yaml": "replicaCount: 1\nimage: {repository: registry.example.org/guestbook, tag: '0.2'}\n",
    "helm-guestbook/values-production.yaml": "replicaCount: 3\n",
    "helm-guestbook/templates/_helpers.tpl": '{{- define "name" -}}{{ .Release.Name }}-{{ .Chart.Name }}{{- end -}}\n',
    "helm-guestbook/templates/deployment.yaml": deployment(
        '{{ include "name" . }}', '"{{ .Values.image.repository }}:{{ .Values.image.tag }}"'
    ).replace("replicas: 1", "replicas: {{ .Values.replicaCount }}"),
    "helm-guestbook/templates/service.yaml": service('{{ include "name" . }}'),
    "helm-guestbook/templates/NOTES.txt": "Port-forward to {{ .Release.Name }}.\n",
    "jsonnet-guestbook/guestbook.jsonnet": "[{apiVersion: 'v1', kind: 'Service', metadata: {name: 'ui'}}]\n",
    "jsonnet-guestbook/params.libsonnet": "{name: 'ui'}\n",
    "sync-waves/manifests.yaml": "---\n".join(
        (hook("upgrade-sql-schema", "PreSync", -1), deployment("backend"), service("backend"), deployment("frontend"))
    ),
    "pre-post-sync/before.yaml": hook("before", "PreSync", 0),
    "pre-post-sync/after.yaml": hook("after", "PostSync", 0),
    "pre-post-sync/ui.yaml": deployment("ui"),
    "apps/Chart.yaml": "apiVersion: v2\nname: applications\nversion: 0.1.0\n",
    "apps/values.yaml": VALUES,
    "apps/templates/applications.yaml": APPLICATION,
    "flink/basic.yaml": flink_deployment("basic", JOB + "    upgradeMode: stateless\n"),
    "flink/basic-checkpoint-ha.yaml": flink_deployment(
        "basic-checkpoint-ha",
        JOB + "    upgradeMode: savepoint\n    state: running\n",
        "  podTemplate:\n    spec:\n      containers:\n      - name: flink-main-container\n        volumeMounts:\n"
        "        - {mountPath: /flink-data, name: flink-volume}\n      volumes:\n"
        "      - {name: flink-volume, hostPath: {path: /tmp/flink, type: Directory}}\n",
    ),
    "flink/session-deployment-and-job.yaml": "---\n".join(
        (flink_deployment("session"), SESSION_JOB.replace("{name}", "one"), SESSION_JOB.replace("{name}", "two"))
    ),
    "flink/snapshot.yaml": "apiVersion: flink.apache.org/v1beta1\nkind: FlinkStateSnapshot\nmetadata:\n  name: one\n"
    "spec:\n  backoffLimit: 1\n  jobReference:\n    kind: FlinkDeployment\n    name: basic\n  savepoint: {}\n",
    "flink-kustomize/kustomization.yaml": "resources: [../flink-base]\nnamespace: jobs\nimages: []\n"
    "patches:\n- path: patch.yaml\n  target: {kind: FlinkDeployment}\n"
    "configMapGenerator:\n- {name: settings, files: [job.properties]}\n",
    "flink-kustomize/job.properties": "rate=10\n",
    "flink-kustomize/patch.yaml": "- op: add\n  path: /spec/flinkConfiguration/restart-strategy.type\n"
    "  value: fixed-delay\n- op: replace\n  path: /spec/job/parallelism\n  value: 4\n",
    "flink-base/kustomization.yaml": "resources: [job.yaml]\ncommonAnnotations: {team: payments}\n",
    "flink-base/job.yaml": flink_deployment("job", JOB + "    upgradeMode: last-state\n"),
    "flink-chart/Chart.yaml": "apiVersion: v2\nname: flink-jobs\nversion: 0.1.0\n",
    "flink-chart/values.yaml": "jobs: {orders: {parallelism: 2}, clicks: {parallelism: 4}}\n",
    "flink-chart/templates/jobs.yaml": "{{- range $name, $job := .Values.jobs }}\n---\n"
    + TEMPLATED.replace("{{ .Release", "{{ $.Release")
    + "{{- end }}\n",
}
