"""Layers of defaults, for any mixture of them: the most special one that is set wins."""

from hypothesis import given
from hypothesis import strategies as st

from operator_core.conf import builtin, options
from operator_core.conf.defaults import Defaults
from operator_core.model import flinkversions

SPECIAL = options.DEFAULT_CONFIGURATION
LAYERS = (
    "{key}",
    SPECIAL + "namespace.jobs.{key}",
    SPECIAL + "flink-version.v1_18+.{key}",
    SPECIAL + "flink-version.v1_20+.{key}",
    SPECIAL + "flink-version.v1_20.{key}",
)
OTHERS = (
    SPECIAL + "namespace.other.{key}",
    SPECIAL + "flink-version.v2_0+.{key}",
    SPECIAL + "flink-version.v1_19.{key}",
)
KEYS = st.sampled_from(["k", "a.b", "rest.port", "kubernetes.operator.savepoint.format.type"])


@given(KEYS, st.sets(st.sampled_from(LAYERS)), st.sets(st.sampled_from(OTHERS)))
def test_the_most_special_layer_wins(key: str, layers: set[str], others: set[str]) -> None:
    given_ = {layer.format(key=key): layer for layer in layers | others}
    highest = next((layer for layer in reversed(LAYERS) if layer in layers), None)
    found = Defaults(given_).of("jobs", "v1_20")
    assert found.get(key) == highest
    assert not [name for name in found if name.startswith(SPECIAL)]


@given(st.dictionaries(KEYS, st.text(max_size=3)), st.sampled_from(flinkversions.NAMES))
def test_what_is_given_for_all_is_there_for_all_above_what_is_built_in(given_: dict[str, str], version: str) -> None:
    found = Defaults(given_).of("jobs", version)
    assert {key: found[key] for key in given_} == given_
    missing = {"taskmanager.numberOfTaskSlots", "parallelism.default"} - given_.keys()
    assert all(found[key] == builtin.DEFAULTS[key] for key in missing)


@given(st.sampled_from([options.SAVEPOINT_DIR, options.CHECKPOINT_DIR, options.HA_TYPE]), st.data())
def test_a_renamed_option_has_one_value_whatever_names_the_layers_use(
    option: options.Option, data: st.DataObject
) -> None:
    names = [data.draw(st.sampled_from(option.keys)) for _ in LAYERS]
    given_ = {
        layer.format(key=name): f"{number}" for number, (layer, name) in enumerate(zip(LAYERS, names, strict=True))
    }
    assert options.get(Defaults(given_).of("jobs", "v1_20"), option) == str(len(LAYERS) - 1)
