"""Charts that use what charts use: files by path, and the options an app gives with what `helm template` is given.

Of our own making; the shapes are those of public charts.
"""

from dataclasses import dataclass, field

from operator_core.jsonvalues import Object

META = "apiVersion: v2\nname: web\nversion: 1.0.0\nappVersion: 2.4.1\n"
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  value: {value}\n"


@dataclass(frozen=True)
class Given:
    """A chart below `chart/` and files beside it, the options of a source, and the arguments that mean the same."""

    name: str
    files: dict[str, str | bytes]
    helm: Object = field(default_factory=dict)
    arguments: tuple[str, ...] = ()


def config_map(name: str, value: str) -> str:
    """A template."""
    return MAP.replace("{name}", name).replace("{value}", value)


HELPERS = """\
{{- define "web.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "web.fullname" . | default (printf "%s-%s" .Release.Name .Chart.Name) | trunc 63 }}
  labels: {{- include "web.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas | int }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata:
      annotations:
        checksum/config: {{ include (print $.Template.BasePath "/map.yaml") . | sha256sum }}
    spec:
      containers:
      - name: web
        image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
        resources: {{- toYaml .Values.resources | nindent 10 }}
        {{- with .Values.env }}
        env:
        {{- range $key, $value := . }}
        - {name: {{ $key }}, value: {{ $value | quote }}}
        {{- end }}
        {{- end }}
{{- if .Values.second }}
---
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}
spec: {ports: [{port: {{ .Values.port }}}]}
{{- end }}
"""
PLAIN: dict[str, str | bytes] = {
    "chart/Chart.yaml": META,
    "chart/values.yaml": "replicas: 2\nport: 80\nsecond: true\nimage: {repository: web}\nresources: {}\n"
    "env: {B: b, A: '1'}\n",
    "chart/templates/_helpers.tpl": HELPERS + '{{- define "web.fullname" -}}{{- end -}}\n',
    "chart/templates/web.yaml": DEPLOYMENT,
    "chart/templates/map.yaml": config_map("{{ .Release.Name }}", '{{ tpl "{{ .Values.port }}" . | quote }}'),
    "chart/templates/NOTES.txt": "Thank you.\n",
}
PRECEDENCE: dict[str, str | bytes] = {
    "chart/Chart.yaml": META,
    "chart/values.yaml": "a: chart\nb: chart\nc: chart\nd: chart\ne: chart\nmap: {kept: 1, gone: 2}\nlist: [1, 2]\n",
    "chart/one.yaml": "b: one\nc: one\nd: one\ne: one\nlist: [3]\n",
    "env/two.yaml": "c: two\nd: two\ne: two\nmap: {gone: null}\n",
    "env/text": "of a file",
    "chart/templates/map.yaml": config_map("web", "{{ .Values | toJson | quote }}"),
}
FILES: dict[str, str | bytes] = {
    "chart/Chart.yaml": META,
    "chart/conf/one.properties": "a=b\n",
    "chart/conf/two.properties": "c=d\n",
    "chart/bin/data": b"\x00\xff\x10",
    "chart/ignored/three.properties": "e=f\n",
    "chart/.helmignore": "ignored/\n*.bak\n",
    "chart/templates/left.yaml.bak": '{{ fail "never read" }}',
    "chart/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n"
    '{{ (.Files.Glob "**/*.properties").AsConfig | indent 2 }}\n'
    '  lines: {{ .Files.Lines "conf/one.properties" | toJson | quote }}\n'
    '  out: {{ .Files.Get "../env/secret" | quote }}\n  none: {{ .Files.Get "ignored/three.properties" | quote }}\n',
    "chart/templates/b.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: b}\ndata:\n"
    '{{ (.Files.Glob "conf/*").AsSecrets | indent 2 }}\n  data: {{ .Files.Get "bin/data" | b64enc }}\n',
    "env/secret": "not of the chart",
}
PARENT = (
    META
    + """\
dependencies:
- {name: sub, version: 1.0.0, alias: first, condition: first.enabled, import-values: [{child: exported, parent: taken}]}
- {name: sub, version: 1.0.0, alias: second, tags: [extra]}
- {name: beside, version: 2.0.0, repository: 'file://../beside'}
"""
)
SUBCHARTS: dict[str, str | bytes] = {
    "chart/Chart.yaml": PARENT,
    "chart/values.yaml": "first: {own: parent}\nglobal: {region: eu}\ntags: {extra: false}\n",
    "chart/templates/map.yaml": config_map("parent", "{{ (.Values.taken | default dict).x | quote }}"),
    "chart/charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
    "chart/charts/sub/values.yaml": "own: sub\nexported: {x: '7'}\n",
    "chart/charts/sub/templates/map.yaml": config_map(
        "{{ .Chart.Name }}", "{{ .Values.own }}-{{ .Values.global.region }}"
    ),
    "beside/Chart.yaml": "apiVersion: v2\nname: beside\nversion: 2.0.0\n",
    "beside/templates/map.yaml": config_map("beside", "{{ .Values.global.region }}"),
}
HOOK = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {name}\n  annotations: {hook}\nspec: {template: {}}\n"
HOOKS: dict[str, str | bytes] = {
    "chart/Chart.yaml": META,
    "chart/templates/before.yaml": HOOK.replace("{name}", "before").replace(
        "{hook}", '{helm.sh/hook: "pre-install,pre-upgrade", helm.sh/hook-weight: "-5"}'
    ),
    "chart/templates/after.yaml": HOOK.replace("{name}", "after").replace(
        "{hook}", "{helm.sh/hook: post-upgrade, helm.sh/hook-delete-policy: hook-succeeded}"
    ),
    "chart/templates/keep.yaml": HOOK.replace("{name}", "keep").replace("{hook}", "{helm.sh/resource-policy: keep}"),
    "chart/crds/kind.yaml": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
    "metadata: {name: things.example.org}\nspec: {group: example.org}\n",
    "chart/templates/cluster.yaml": config_map(
        "cluster",
        '{{ printf "%s %v %v" .Capabilities.KubeVersion.Version'
        ' (.Capabilities.APIVersions.Has "flink.apache.org/v1beta1")'
        ' (semverCompare ">=1.28-0" .Capabilities.KubeVersion.Version) | quote }}',
    ),
}
LIBRARY: dict[str, str | bytes] = {
    "chart/Chart.yaml": META + "dependencies: [{name: common, version: 1.0.0, repository: 'file://../common'}]\n",
    "chart/templates/map.yaml": '{{ include "common.map" (dict "name" "web" "context" $) }}\n',
    "common/Chart.yaml": "apiVersion: v2\nname: common\nversion: 1.0.0\ntype: library\n",
    "common/templates/_map.tpl": '{{- define "common.map" -}}\n'
    + config_map("{{ .name }}", "{{ .context.Release.Name }}")
    + "{{- end -}}",
}
ARGUMENTS = ("--kube-version=1.31.0", "--api-versions=flink.apache.org/v1beta1")
VERSIONS = {"kubeVersion": "1.31.0", "apiVersions": ["flink.apache.org/v1beta1"]}
CHARTS = (
    Given("plain", PLAIN),
    Given(
        "plain with values", PLAIN, {"valuesObject": {"second": False, "env": None}}, ("--set=second=false,env=null",)
    ),
    Given(
        "precedence",
        PRECEDENCE,
        {
            "valueFiles": ["one.yaml", "../env/two.yaml"],
            "values": "c: replaced",
            "valuesObject": {"d": "inline", "e": "inline"},
            "parameters": [
                {"name": "e", "value": "set"},
                {"name": "list[0]", "value": "4"},
                {"name": "text", "value": "5", "forceString": True},
                {"name": "commas", "value": "a,b"},
            ],
            "fileParameters": [{"name": "file", "path": "../env/text"}],
        },
        (
            "--values=chart/one.yaml",
            "--values=env/two.yaml",
            "--set=d=inline,e=set,list[0]=4,commas=a\\,b",
            "--set-string=text=5",
            "--set-file=file=env/text",
        ),
    ),
    Given("files", FILES),
    Given("subcharts", SUBCHARTS),
    Given(
        "subcharts chosen",
        SUBCHARTS,
        {"valuesObject": {"first": {"enabled": False}, "tags": {"extra": True}}},
        ("--set=first.enabled=false,tags.extra=true",),
    ),
    Given("library", LIBRARY),
    Given("hooks and kinds", HOOKS, VERSIONS, ARGUMENTS),
    Given("without kinds", HOOKS, {"skipCrds": True, **VERSIONS}, ARGUMENTS),
)
