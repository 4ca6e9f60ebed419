"""A base, a component and an overlay of them, and what directories of a commit render to."""

from git_repositories import config_map

from gitsync.git import mirrors
from gitsync.model.rendersets import RenderSet
from gitsync.render import rendering
from gitsync.render.kustomize import Kustomize
from gitsync.render.rendering import Source

OVERLAY = {
    "apps/base/kustomization.yaml": "resources:\n- web.yaml\n- more\n",
    "apps/base/web.yaml": config_map("web", x="1"),
    "apps/base/more/kustomization.yml": "resources: [side.yaml]\n",
    "apps/base/more/side.yaml": "# first\n---\n" + config_map("side", on='"no"'),
    "apps/parts/kustomization.yaml": (
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- path: more.yaml\n"
    ),
    "apps/parts/more.yaml": config_map("web", y="2"),
    "apps/prod/Kustomization": (
        "resources: [../base]\ncomponents: [../parts]\nnamePrefix: prod-\nnamespace: shop\n"
        "configMapGenerator:\n- name: files\n  files: [greeting=text/hello.txt]\n  envs: [some.env]\n"
        "patches:\n- target: {kind: ConfigMap, name: side}\n"
        "  patch: |\n    - {op: add, path: /metadata/labels, value: {a: b}}\n"
    ),
    "apps/prod/text/hello.txt": "hello\n",
    "apps/prod/some.env": "A=1\n",
    "apps/prod/README.md": "not read",
}


def render(
    mirror: mirrors.Mirror, builder: Kustomize, path: str = "apps/prod", previous: RenderSet | None = None
) -> RenderSet:
    return rendering.render(mirror, mirror.resolve("main"), Source(path), previous=previous, builder=builder)


def problem(mirror: mirrors.Mirror, builder: Kustomize, path: str = "apps/prod") -> str:
    rendered = render(mirror, builder, path)
    assert not rendered.objects, "nothing of a broken directory may be applied"
    return "; ".join(str(error) for error in rendered.errors)
