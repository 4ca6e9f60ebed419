"""Flink's memory arithmetic, against sizes from its documentation and from running processes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operator_core import errors
from operator_core.conf import memory

MIB = 1024**2


@pytest.mark.parametrize(
    ("conf", "mebibytes"),
    [
        ({"jobmanager.memory.process.size": "1600m"}, 1600),
        # 1280 + 256 metaspace; overhead 1/9 of 1536 = 170.67 is below its minimum of 192
        ({"jobmanager.memory.flink.size": "1280m"}, 1280 + 256 + 192),
        # heap 1024 + off-heap 128 + metaspace 256 + overhead 192
        ({"jobmanager.memory.heap.size": "1g"}, 1024 + 128 + 256 + 192),
        # overhead is a ninth of 3840 + 256
        ({"jobmanager.memory.flink.size": "3840m"}, 3840 + 256 + 455),
        # overhead reaches its maximum
        ({"jobmanager.memory.flink.size": "20g"}, 20480 + 256 + 1024),
        ({"jobmanager.memory.heap.size": "1g", "jobmanager.memory.process.size": "2g"}, 2048),
    ],
)
def test_job_manager(conf: dict[str, str], mebibytes: int) -> None:
    assert memory.job_manager_process_bytes(conf) // MIB == mebibytes


@pytest.mark.parametrize(
    ("conf", "mebibytes"),
    [
        ({"taskmanager.memory.process.size": "1728m"}, 1728),
        ({"taskmanager.memory.flink.size": "1280m"}, 1280 + 256 + 192),
        # frameworks 256 + heap 512 + managed 512 = 1280; network 1280/9 = 142.2; metaspace, overhead
        (
            {"taskmanager.memory.task.heap.size": "512m", "taskmanager.memory.managed.size": "512m"},
            1280 + 142 + 256 + 192,
        ),
    ],
)
def test_task_manager(conf: dict[str, str], mebibytes: int) -> None:
    assert memory.task_manager_process_bytes(conf) // MIB == mebibytes


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({}, "spec.jobManager.resource.memory: the JobManager has no memory size"),
        ({"jobmanager.memory.process.size": "100m"}, "JVM metaspace and overhead take 448 mb of 100 mb"),
        ({"jobmanager.memory.process.size": "560m"}, "112 mb is left for Flink, all taken by off-heap"),
        ({"jobmanager.memory.process.size": "many"}, "'many' is not a memory size"),
        (
            {"jobmanager.memory.process.size": "2g", "jobmanager.memory.jvm-overhead.fraction": "1.5"},
            "[jobmanager.memory.jvm-overhead.fraction]: 1.5 is not a fraction",
        ),
        (
            {"jobmanager.memory.process.size": "2g", "jobmanager.memory.jvm-overhead.min": "2g"},
            "[jobmanager.memory.jvm-overhead.min] is larger than its maximum",
        ),
    ],
)
def test_job_manager_sizes_that_cannot_work(conf: dict[str, str], message: str) -> None:
    with pytest.raises(errors.Stalled) as caught:
        memory.job_manager_process_bytes(conf)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({}, "spec.taskManager.resource.memory: the TaskManager has no memory size"),
        ({"taskmanager.memory.process.size": "512m"}, "64 mb is left for Flink"),
        (
            {"taskmanager.memory.process.size": "1g", "taskmanager.memory.managed.size": "1g"},
            "spec.taskManager.resource.memory is too small",
        ),
    ],
)
def test_task_manager_sizes_that_cannot_work(conf: dict[str, str], message: str) -> None:
    with pytest.raises(errors.Stalled) as caught:
        memory.task_manager_process_bytes(conf)
    assert message in caught.value.message


@given(st.integers(min_value=600, max_value=10**6))
def test_a_process_size_is_taken_as_it_is(mebibytes: int) -> None:
    conf = {"jobmanager.memory.process.size": f"{mebibytes}m"}
    assert memory.job_manager_process_bytes(conf) == mebibytes * MIB


@given(st.integers(min_value=200, max_value=10**6))
def test_more_flink_memory_never_makes_a_smaller_process(mebibytes: int) -> None:
    def process(size: int) -> int:
        return memory.job_manager_process_bytes({"jobmanager.memory.flink.size": f"{size}m"})

    assert mebibytes * MIB < process(mebibytes) <= process(mebibytes + 1)


SIZES = st.integers(1, 64 * 1024)
PARTS = st.sampled_from(
    ["process.size", "flink.size", "managed.size", "task.heap.size", "jvm-metaspace.size", "network.min", "network.max"]
)


@given(st.dictionaries(PARTS, SIZES, max_size=4))
def test_any_mixture_of_sizes_gives_a_process_that_holds_them_or_a_message_with_the_field(
    sizes: dict[str, int],
) -> None:
    conf = {f"taskmanager.memory.{part}": f"{size}m" for part, size in sizes.items()}
    try:
        process = memory.task_manager_process_bytes(conf)
    except errors.Stalled as error:
        assert error.message.startswith("spec.")
        assert ";" in error.message
    else:
        fixed = ("managed.size", "task.heap.size", "jvm-metaspace.size")
        if "process.size" in sizes:
            assert process == sizes["process.size"] * MIB
        elif "flink.size" not in sizes:
            assert process >= sum(sizes.get(part, 0) for part in fixed) * MIB
