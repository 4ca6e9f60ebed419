"""The next status of a session cluster for each of its write-ahead records.

Fields are the Java operator's; there is no job, so `jobStatus` stays empty. Decides nothing.
"""

from operator_core.decide import records, taskmanagercounts
from operator_core.decide.facts import Facts
from operator_core.jsonvalues import Object
from operator_core.model import lastspecs
from operator_core.model.statuses import FlinkDeploymentStatus, JobStatus


def deploying(facts: Facts, spec: Object, generation: int) -> FlinkDeploymentStatus:
    """Before the cluster is replaced or created: what is to stand, and of which generation."""
    status = facts.status
    record = status.reconciliation_status.model_copy(
        update={
            "state": "UPGRADING",
            "reconciliation_timestamp": records.epoch_ms(facts.now),
            "last_reconciled_spec": lastspecs.encode(spec, first_deployment=facts.last is None),
        }
    )
    return missing(status).model_copy(
        update={
            "reconciliation_status": record,
            "observed_generation": generation,
            "error": None,
            "cluster_info": {},
            "job_status": JobStatus(),
            "task_manager": taskmanagercounts.of_session_cluster(facts.name, spec, facts.conf),
        }
    )


def missing(status: FlinkDeploymentStatus) -> FlinkDeploymentStatus:
    """The cluster that is meant does not stand: nobody should talk to what does."""
    return status.model_copy(update={"job_manager_deployment_status": "MISSING"})
