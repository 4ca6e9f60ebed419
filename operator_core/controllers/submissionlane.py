"""The lane in which session jobs are submitted: fetch the jar, upload it, run it, remove it; a few at a time.

A pass only says what its record wants submitted and ends; the end of the try wakes its key. What the lane remembers
is this process' knowledge alone: after a crash nobody knows, and the recorded job id is submitted again, which Flink
takes only once. Decides nothing about jobs.
"""

import logging
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from operator_core.conf import flattening, options
from operator_core.conf.defaults import Defaults
from operator_core.decide import sessionrules
from operator_core.decide.decisions import SubmitJob
from operator_core.decide.sessionfacts import Sent, Submission, SubmissionFailed, UnderWay
from operator_core.errors import AgentError
from operator_core.flink import answers, errors, jars
from operator_core.flink.jarsources import JarSources, Policy
from operator_core.flink.rest import Address, Transport
from operator_core.model import units
from operator_core.outcomes import Done, Outcome
from operator_core.runtime.clock import Clock
from operator_core.runtime.failpoints import reach
from operator_core.runtime.loops import Loop
from operator_core.runtime.queues import Key, Queue

log = logging.getLogger(__name__)

WORKERS = 4
_UPLOAD_SECONDS = 300.0
_REMOVE_SECONDS = 10.0
_SUBMITTED_ALREADY = ("DuplicateJobSubmissionException", "Job has already been submitted")
_SERVER_SIDE = "<Exception on server side:"


@dataclass(frozen=True, slots=True)
class Work:
    """One submission: what, to which cluster, and how its jar may be fetched."""

    address: Address
    job: SubmitJob
    policy: Policy
    seconds: float


class SubmissionLane:
    """Safe to share between threads. `wake` is told namespace and name of a job whose try ended."""

    def __init__(
        self, clock: Clock, transport: Transport, sources: JarSources, wake: Callable[[str, str], None]
    ) -> None:
        self._clock = clock
        self._transport = transport
        self._sources = sources
        self._wake = wake
        self._lock = threading.Lock()
        self._wanted: dict[Key, Work] = {}
        self._known: dict[Key, UnderWay | SubmissionFailed | Sent] = {}
        self._queue = Queue(clock)
        self._loop = Loop("submissions", self._queue, self._submit, workers=WORKERS)

    def start(self) -> None:
        """Begin to submit."""
        self._loop.start()

    def stop(self, timeout: float) -> None:
        """Take no more work; tries under way end by themselves or with the process."""
        self._queue.close()
        self._loop.stop(timeout)
        self._sources.close()

    def known(self, namespace: str, name: str) -> Submission:
        """What became of the newest try."""
        with self._lock:
            return self._known.get(_key(namespace, name))

    def forget(self, namespace: str, name: str) -> None:
        """The job is listed, or its resource is gone."""
        with self._lock:
            if not isinstance(self._known.get(_key(namespace, name)), UnderWay):
                self._known.pop(_key(namespace, name), None)

    def submit(self, namespace: str, name: str, work: Work) -> None:
        """Have it submitted; nothing happens while a try of the same resource goes on."""
        key = _key(namespace, name)
        with self._lock:
            if isinstance(self._known.get(key), UnderWay):
                return
            self._wanted[key] = work
            self._known[key] = begun(self._known.get(key), work.job.job_id)
        self._queue.add(key)

    def _submit(self, key: Key) -> Outcome:
        with self._lock:
            work = self._wanted.pop(key, None)
        if work is None:
            return Done()
        ended = self._try(key, work)
        with self._lock:
            self._known[key] = ended
        self._wake(key.namespace, key.name)
        return Done()

    def _try(self, key: Key, work: Work) -> Sent | SubmissionFailed:
        try:
            with tempfile.TemporaryDirectory(prefix="gitsync-jar-") as folder:
                uploaded = self._upload(work, Path(folder) / "job.jar")
            return self._run(key, work, uploaded)
        except AgentError as error:
            return self._failed(key, work, f"the jar cannot be submitted: {error.message}", certain=True)
        except Exception as error:
            log.exception("submitting %s/%s failed", key.namespace, key.name)
            text = f"submitting failed: {type(error).__name__}; see the agent's log"
            return self._failed(key, work, text, certain=False)

    def _upload(self, work: Work, file: Path) -> str:
        if work.job.jar_uri:
            self._sources.fetch(work.job.jar_uri, file, work.policy)
        else:
            file.write_bytes(jars.empty())
        body = jars.Multipart(file, "job.jar")
        answer = self._transport.upload(work.address, jars.UPLOAD, body, seconds=_UPLOAD_SECONDS)
        reach("jar-uploaded")
        return jars.jar_id(answer)

    def _run(self, key: Key, work: Work, uploaded: str) -> Sent | SubmissionFailed:
        try:
            self._transport.send(work.address, jars.run(work.job, uploaded), seconds=work.seconds)
            reach("job-submitted")
        except errors.FlinkUnreachable as error:
            return self._failed(key, work, f"running the jar: {error.message}", certain=False)
        except errors.FlinkError as error:
            if not any(text in error.text for text in _SUBMITTED_ALREADY):
                return self._failed(key, work, f"Flink refuses to run the job: {_cause(error.text)}", certain=True)
        finally:
            self._remove(work, uploaded)
        return Sent(work.job.job_id, self._clock.now())

    def _remove(self, work: Work, uploaded: str) -> None:
        try:
            self._transport.send(work.address, jars.remove(uploaded), seconds=_REMOVE_SECONDS)
        except AgentError as error:
            log.info("the jar %s stays on %s: %s", uploaded, work.address.name, error.message)

    def _failed(self, key: Key, work: Work, cause: str, *, certain: bool) -> SubmissionFailed:
        with self._lock:
            now = self._known.get(key)
        tries = now.tries + 1 if isinstance(now, UnderWay) else 1
        unsent = certain and isinstance(now, UnderWay) and now.unsent
        log.info("%s/%s: %s", key.namespace, key.name, cause)
        return SubmissionFailed(work.job.job_id, cause, certain, tries, self._clock.now(), unsent)


def begun(before: Submission, job_id: str) -> UnderWay:
    """A further try, or the first of another job id."""
    if before is None or before.job_id != job_id:
        return UnderWay(job_id)
    if isinstance(before, SubmissionFailed):
        return UnderWay(job_id, before.tries, before.unsent)
    return UnderWay(job_id, unsent=False)


def _key(namespace: str, name: str) -> Key:
    return Key("Submission", namespace, name)


def _cause(text: str) -> str:
    """What failed, out of Flink's answer with its stack trace."""
    return answers.root_cause(text.partition(_SERVER_SIDE)[2] or text)


def policy(conf: Mapping[str, str], defaults: Defaults) -> Policy:
    """How a jar may be fetched: what may be read is the operator's to say, headers may be the resource's."""
    given = defaults.given
    headers = options.get(conf, options.ARTIFACT_HEADERS)
    return Policy(
        schemes=sessionrules.allowed_schemes(defaults),
        restricted_hosts=sessionrules.hosts_are_restricted(defaults),
        headers=flattening.split_map(headers) if headers else None,
        directory=sessionrules.artifact_directory(defaults),
        max_bytes=units.memory_bytes(options.get(given, options.ARTIFACT_SIZE) or "512 mb"),
        seconds=options.get_seconds(given, options.SUBMISSION_TIMEOUT) or 600.0,
    )
