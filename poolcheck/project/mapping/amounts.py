"""The numbers of a sum as deployment files give them: instances, what a rollout adds, and a server's max_connections."""

import re
from typing import TYPE_CHECKING

from poolcheck import catalogue
from poolcheck.config.settings import SERVER_MAX, SERVER_RESERVED
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
        return exact(int(number), f"replicas: {number}", Location(service.path, service.replicas.line))
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


def server_limit(service: "Service") -> tuple[Amount, Amount] | None:
    """max_connections and reserved slots of a PostgreSQL service; None when it is none, or a file sets them."""
    image = catalogue.image(service.repository)
    if image is None or image.is_ != "server":
        return None
    words = " ".join(service.command)
    said = re.search(r"max_connections\s*=\s*['\"]?(\d+)|(?:^|\s)-N\s*(\d+)", words)
    reserved = re.search(r"superuser_reserved_connections\s*=\s*(\d+)", words)
    at = Location(service.path, service.command_line)
    keep = exact(SERVER_RESERVED, f"{SERVER_RESERVED} reserved", None, "default")
    if reserved:
        keep = exact(int(reserved[1]), f"superuser_reserved_connections={reserved[1]}", at)
    if image.max_variable:
        text = service.env(image.max_variable)
        if text is None or not text.value.isdigit():
            return None
        at = Location(service.path, text.line)
        return exact(int(text.value), f"{image.max_variable}={text.value}", at), keep
    if said:
        number = int(said[1] or said[2])
        return exact(number, f"max_connections={number}", at), keep
    configured = "config_file" in words or any(
        "postgresql.conf" in volume or "/etc/postgresql" in volume or "conf.d" in volume
        for volume in service.volumes
    )
    if (
        image.own_defaults
        and not configured
        and all(service.env(name) is None for name in image.may_configure)
        and "$" not in words
    ):
        return exact(SERVER_MAX, f"PostgreSQL's default of {SERVER_MAX}", None, "default"), keep
    return None
