"""The numbers of a sum as deployment files give them: instances, and what a rollout adds."""

import re
from typing import TYPE_CHECKING

from poolcheck.model.amount import Amount, exact
from poolcheck.model.problem import Location
from poolcheck.model.sizing import surge

if TYPE_CHECKING:
    from poolcheck.readers.deploy.compose import Service
    from poolcheck.readers.deploy.kubernetes import Autoscaler, Workload

LIMIT_WORDS = (
    "oncurren",
    "axScale",
    "axInstances",
    "axinstances",
)  # a file without any of these limits no function


def instances_of(service: "Service | None") -> Amount | None:
    """How many containers a compose service runs: one unless it says otherwise; None where what it says is no plain number."""
    if service is not None and service.replicas is not None:
        number = service.replicas.value
        if re.fullmatch(r"[0-9]{1,9}", number) is None:
            return None
        return exact(
            int(number),
            f"replicas: {number}",
            Location(service.replicas.path or service.path, service.replicas.line),
        )
    return exact(1, "1 container", None, "default")


def replicas_of(workload: "Workload", scaler: "Autoscaler | None") -> Amount | None:
    """How many pods a workload keeps at most: one unless it says otherwise; None when a template hides it."""
    if scaler is not None and scaler.location is not None:
        return scaled(scaler)
    if workload.kind == "DaemonSet":
        return None  # one on each node
    if workload.replicas_at is None:
        return exact(1, "1 replica", None, "default")
    if workload.replicas is None:
        return None
    return exact(workload.replicas, f"replicas: {workload.replicas}", workload.replicas_at)


def scaled(scaler: "Autoscaler") -> Amount | None:
    """How many pods an autoscaler makes; None when a template hides it."""
    if scaler.most is None:
        return None
    return Amount(min(scaler.least, scaler.most), scaler.most, f"maxReplicas: {scaler.most}", scaler.location)


def rollout_surge(instances: Amount, written: str) -> Amount:
    """Pods that a rollout adds: maxSurge as written, else Kubernetes' 25 %.

    https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#max-surge
    """
    said = written if re.fullmatch(r"\d{1,6}%?", written) else ""
    low, high = (surge(each, said or "25%") for each in (instances.low, instances.most))
    words = f"maxSurge: {said}" if said else "maxSurge of 25 %"
    return Amount(low, high, words, None, "file" if said else "default")
