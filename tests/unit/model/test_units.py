"""Memory sizes, durations and quantities, as Flink and Kubernetes write them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operator_core.model import units

GIB = 1024**3


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2048m", 2 * GIB),
        ("2048 mb", 2 * GIB),
        ("2g", 2 * GIB),
        ("2G", 2 * GIB),
        ("2 GB", 2 * GIB),
        ("1024", 1024),
        ("5 bytes", 5),
        ("1tb", 1024 * GIB),
        ("2Gi", 2 * GIB),
        ("2gi", 2 * GIB),
        ("1600Mi", 1600 * 1024**2),
        ("1.5Gi", GIB * 3 // 2),
        ("1.5G", 1_500_000_000),
        ("1e3", 1000),
        ("0", 0),
    ],
)
def test_memory_is_read_as_flink_or_kubernetes_does(text: str, size: int) -> None:
    assert units.memory_bytes(text) == size


@pytest.mark.parametrize("text", ["", "abc", "2 quarks", "-1g", "1.5.2Gi", "1 Gi b", "٣g", "1e999G"])
def test_other_texts_are_no_memory_size(text: str) -> None:
    with pytest.raises(ValueError, match="memory size"):
        units.memory_bytes(text)


@given(st.integers(min_value=0, max_value=2**62))
def test_memory_text_is_read_back(size: int) -> None:
    assert units.memory_bytes(units.memory_text(size)) == size


@given(st.integers(min_value=0, max_value=2**62))
def test_memory_quantity_is_read_back(size: int) -> None:
    assert units.quantity(units.memory_quantity(size)) == size


@pytest.mark.parametrize(
    ("size", "text"),
    [(2 * GIB, "2 gb"), (1536 * 1024**2, "1536 mb"), (1025, "1025 bytes"), (1024**4, "1 tb"), (0, "0 bytes")],
)
def test_memory_text_uses_the_largest_unit_that_divides(size: int, text: str) -> None:
    assert units.memory_text(size) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10 s", 10),
        ("5min", 300),
        ("5 m", 300),
        ("1 d", 86400),
        ("1h", 3600),
        ("250", 0.25),
        ("250ms", 0.25),
        ("3 us", 3e-6),
        ("PT10M", 600),
        ("P1DT2H", 93600),
        ("pt1.5s", 1.5),
    ],
)
def test_durations_are_read_as_flink_does(text: str, seconds: float) -> None:
    assert units.duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "10 fortnights", "1.5 s", "P", "PT", "-5 s", "0 0 * * * ?"])
def test_other_texts_are_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        units.duration_seconds(text)


@given(st.integers(min_value=0, max_value=10**12))
def test_duration_text_is_read_back(milliseconds: int) -> None:
    assert units.duration_seconds(units.duration_text(milliseconds)) == pytest.approx(milliseconds / 1000)


@pytest.mark.parametrize(
    ("amount", "value"),
    [
        ("500m", Fraction(1, 2)),
        ("2", Fraction(2)),
        (2, Fraction(2)),
        (0.5, Fraction(1, 2)),
        ("1Ki", Fraction(1024)),
        ("1E", Fraction(10**18)),
        ("1Ei", Fraction(1024**6)),
        ("1e3", Fraction(1000)),
        ("1.5e-3", Fraction(3, 2000)),
        ("-1", Fraction(-1)),
        (".5", Fraction(1, 2)),
        ("100n", Fraction(1, 10**7)),
    ],
)
def test_quantities_are_exact(amount: str | int | float, value: Fraction) -> None:
    assert units.quantity(amount) == value


@pytest.mark.parametrize("text", ["", "x", "1x", "1 Gi", "1KI", "--1", "1e", "1e999999999", "Gi", "1_000"])
def test_other_texts_are_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="quantity"):
        units.quantity(text)


@pytest.mark.parametrize(
    ("amount", "text"),
    [("1.0", "1"), (0.25, "250m"), ("0.5", "500m"), ("1500m", "1500m"), ("2.5", "2500m"), (0, "0"), ("1e-10", "1n")],
)
def test_cpus_are_written_as_the_api_server_stores_them(amount: str | int | float, text: str) -> None:
    assert units.cpu_quantity(amount) == text


@given(st.integers(min_value=0, max_value=10**15))
def test_cpu_quantity_is_read_back(nanos: int) -> None:
    value = Fraction(nanos, 10**9)
    assert units.quantity(units.cpu_quantity(value)) == value


@given(st.text(max_size=20))
def test_parsers_raise_nothing_but_value_error(text: str) -> None:
    for parse in (units.memory_bytes, units.duration_seconds, units.quantity, units.decimal):
        try:
            parse(text)
        except ValueError as error:
            assert str(error)
