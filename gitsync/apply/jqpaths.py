"""Which fields of an object a jq expression selects: the shell's part of `ignoreDifferences`.

An expression comes from Git, so it runs in a process of its own with bounded time and memory, on the object alone.
Asked for the same object again, the answer is remembered. What the fields mean for a plan is decided in
`plan.ignoring`.
"""

import hashlib
import json
import re
import sys
import threading
from collections import OrderedDict

from gitsync.plan import ignoring
from gitsync.plan.ignoring import Pointer
from gitsync.render.programs import Export, Programs
from operator_core import masking
from operator_core.errors import Reason, Retry, Stalled
from operator_core.jsonvalues import Object

_KEPT = 2048
_QUOTED = re.compile(r"\(?[\"'](?:[^\"'\\]|\\.)*(?:[\"']|$)\)?")
_SECONDS = 5.0
_SCRIPT = (
    "import json, sys\n"
    "try:\n"
    "    import jq\n"
    "except ImportError:\n"
    "    sys.exit('jq is not installed beside the agent: install gitsync[jq]')\n"
    "try:\n"
    "    program = jq.compile('[path(' + sys.argv[1] + ')]')\n"
    "    print(json.dumps(program.input_text(open('object.json').read()).first()))\n"
    "except ValueError as error:\n"
    "    sys.exit(str(error).splitlines()[0])\n"
)


class JqPaths:
    """Runs expressions. Safe to share between threads."""

    def __init__(self) -> None:
        self._programs = Programs(timeout=_SECONDS)
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], tuple[Pointer, ...]] = OrderedDict()

    def select(self, expression: str, obj: Object) -> tuple[Pointer, ...]:
        """The selected fields, those that do not exist included. Raises Stalled(Invalid) naming the expression."""
        text = json.dumps({key: value for key, value in obj.items() if key != "status"}, sort_keys=True)
        key = (expression, hashlib.sha256(text.encode()).hexdigest())
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = self._run(expression, text)
        with self._lock:
            self._known[key] = found
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return found

    def close(self) -> None:
        """End runs that are under way."""
        self._programs.close()

    def _run(self, expression: str, text: str) -> tuple[Pointer, ...]:
        command = [sys.executable, "-I", "-c", _SCRIPT, expression]
        where = f"spec.ignoreDifferences: the jq expression {expression!r}"
        try:
            ended = self._programs.run("jq", command, Export({"object.json": text.encode()}))
        except Retry as error:
            raise Stalled(Reason.Invalid, f"{where} cannot be used: {error.message}") from error
        if ended.problem:
            why = ended.problem if ended.bounded else ended.stderr.strip() or ended.problem
            # jq quotes the value it could not use, which is one of the live object.
            told = masking.without(_QUOTED.sub("a value", why), masking.values_of(json.loads(text)))
            raise Stalled(Reason.Invalid, f"{where} cannot be used: {told}")
        paths = json.loads(ended.stdout)
        if not all(isinstance(path, list) for path in paths):
            raise Stalled(Reason.Invalid, f"{where} does not select fields")
        return ignoring.pointers_from(paths)
