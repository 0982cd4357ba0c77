"""Terraform: the resources that run an app, with the most instances that each may start, where a plain number says so.

A variable or an expression is not known. Sources: the provider pages of `google_cloud_run_v2_service`, `aws_ecs_service`,
`aws_appautoscaling_target`, `aws_lambda_function` and `azurerm_container_app` at https://registry.terraform.io/.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from poolcheck.connection.secret import Secret
from poolcheck.model.problem import Location
from poolcheck.readers import hcl
from poolcheck.readers.deploy.compose import address
from poolcheck.readers.deploy.kubernetes import ContainerVariable
from poolcheck.readers.deploy.platforms import ONE_AT_ONCE, Deployment, InstanceCount

# resource → what Terraform calls its most instances, and the platform
_MOST = {
    "google_cloud_run_v2_service": ("max_instance_count", "cloud-run"),
    "google_cloud_run_service": ("autoscaling.knative.dev/maxScale", "cloud-run"),
    "aws_lambda_function": ("reserved_concurrent_executions", "aws-lambda"),
    "azurerm_container_app": ("max_replicas", "azure-container-apps"),
    "google_cloudfunctions2_function": ("max_instance_count", "cloud-functions"),
    "google_app_engine_standard_app_version": ("max_instances", "app-engine"),
    "aws_ecs_service": ("desired_count", "aws-ecs"),
    "aws_apprunner_service": ("max_size", "aws-app-runner"),
}
# resource → the requests that one instance gets at once, where the platform bounds them, and Lambda's and Cloud
# Functions' own, read 2026-11-30. https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html,
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-runtimes.html (a capacity provider: several at once),
# https://cloud.google.com/functions/docs/configuring/concurrency
_AT_ONCE = {
    "google_cloud_run_v2_service": ("max_instance_request_concurrency", InstanceCount()),
    "google_cloud_run_service": ("container_concurrency", InstanceCount()),
    "google_cloudfunctions2_function": ("max_instance_request_concurrency", ONE_AT_ONCE),
    "aws_lambda_function": ("", ONE_AT_ONCE),
}
# ${aws_db_proxy.app.endpoint}: the address of what is named
_ADDRESS = re.compile(
    r"(?:\$\{)?\b((?:aws_db_proxy|aws_db_instance|aws_rds_cluster)\.[\w-]+)(?:\[\w+\])?\.(?:endpoint|address)\}?"
)


def read(text: str, path: str) -> tuple[Deployment, ...]:
    """What a file deploys."""
    if not any(kind in text for kind in _MOST):
        return ()
    resources = [each for each in hcl.read(text) or () if each.type == "resource" and len(each.labels) == 2]
    scalers = [resource for resource in resources if resource.labels[0] == "aws_appautoscaling_target"]
    made = []
    for resource in resources:
        kind, name = resource.labels
        if kind not in _MOST:
            continue
        key, platform = _MOST[kind]
        count, extra = _count(resource, key, path), 0
        if kind == "aws_ecs_service":
            for scaler in scalers:
                target = scaler.attributes.get("resource_id")
                if target is not None and f"{resource.address}." in target.text:
                    count = _count(scaler, "max_capacity", path)
            extra = _ecs_surge(resource, count.number or 0, path)
        elif kind == "aws_apprunner_service":
            count = _app_runner(resource, resources, path)
        made.append(
            Deployment(
                name=name,
                platform=platform,
                location=Location(path, resource.line),
                surge=extra,
                instances=count,
                environment=tuple(_environment(resource, resources, path)),
                at_once=_at_once(resource, path),
                folder=posixpath.dirname(path) or ".",
            )
        )
    return tuple(made)


def _environment(
    resource: hcl.HclBlock, resources: list[hcl.HclBlock], path: str
) -> Iterator[ContainerVariable]:
    """The variables of a function, of a service's containers, or of a service's task definition in the same file."""
    for block in _blocks(resource):
        name, value = block.attributes.get("name"), block.attributes.get("value")
        if block.type == "env" and name is not None and name.known:
            yield _variable(name.text, value or hcl.Value("", block.line, known=False), path)
        variables = block.attributes.get("variables")
        for key, text in variables.pairs if variables is not None and block.type == "environment" else ():
            yield _variable(key, text, path)
    task = resource.attributes.get("task_definition")
    if task is None:
        return
    for other in resources:
        containers = other.attributes.get("container_definitions")
        if containers is not None and task.text.startswith(f"{other.address}."):
            for (key, name), (what, text) in pairwise(containers.pairs):
                if key == "name" and what in ("value", "valueFrom"):
                    yield _variable(name.text, replace(text, known=text.known and what == "value"), path)


def _variable(name: str, value: hcl.Value, path: str) -> ContainerVariable:
    """What names a database or proxy of the same Terraform is its address; any other expression is not known."""
    text = _ADDRESS.sub(r"\1", value.text)
    filled = re.sub(r"\$\{[^{}\n]*\}", "${X}", text)
    whole = (
        address(filled) if "://" in text else None if "${" in text else text
    )  # who logs in may be filled in
    known = value.known or (whole is not None and text != value.text)
    text = whole or text
    named = (
        value.text if re.fullmatch(r"[\w.-]{1,120}", value.text) else ""
    )  # an expression may hold a password
    return ContainerVariable(
        name, Secret(text) if known else None, Location(path, value.line), key="" if known else named
    )


def _blocks(block: hcl.HclBlock) -> Iterator[hcl.HclBlock]:
    yield block
    for each in block.blocks:
        yield from _blocks(each)


def _app_runner(service: hcl.HclBlock, resources: list[hcl.HclBlock], path: str) -> InstanceCount:
    """The most instances of a service: of the scaling that it names, else 25.

    https://docs.aws.amazon.com/apprunner/latest/api/API_CreateAutoScalingConfiguration.html
    """
    named = service.attributes.get("auto_scaling_configuration_arn")
    default = InstanceCount(25, "App Runner's default: 25 instances")
    if named is None:
        return default
    for each in resources:
        if f"aws_apprunner_auto_scaling_configuration_version.{each.labels[1]}." in named.text:
            said = _count(each, "max_size", path)
            return said if said.words else default
    return InstanceCount(None, "its scaling is set elsewhere", Location(path, named.line))


def _at_once(resource: hcl.HclBlock, path: str) -> InstanceCount:
    key, default = _AT_ONCE.get(resource.labels[0], ("", InstanceCount()))
    if any("capacity_provider_config" in (each.type, *each.labels) for each in _blocks(resource)):
        return InstanceCount()  # Lambda's managed instances
    said = _count(resource, key, path)
    return said if said.words else default


def _ecs_surge(service: hcl.HclBlock, instances: int, path: str) -> int:
    """ECS runs up to 200 % of a service while it deploys, unless the service says otherwise.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
    """
    said = _count(service, "deployment_maximum_percent", path)
    percent = said.number or (100 if said.words else 200)
    return instances * (max(100, percent) - 100) // 100


def _count(resource: hcl.HclBlock, key: str, path: str) -> InstanceCount:
    """The plain number of an attribute, wherever in the resource it stands; set twice, it is not known."""
    found = list(_attributes(resource, key))
    if not found:
        return InstanceCount()
    at = Location(path, found[0][1])
    if len(found) > 1 or re.fullmatch(r"[1-9]\d{0,5}", found[0][0]) is None:
        return InstanceCount(None, f"{key} is computed", at)
    return InstanceCount(int(found[0][0]), f"{key} = {found[0][0]}", at)


def _attributes(block: hcl.HclBlock, key: str) -> Iterator[tuple[str, int]]:
    for name, value in block.attributes.items():
        if name == key:
            yield value.text if value.known else "", value.line
        elif key in value.text and (inner := re.search(rf"{re.escape(key)}=(\w*)", value.text)):
            yield inner[1], value.line  # a map: annotations = { "autoscaling.knative.dev/maxScale" = "9" }
    for each in block.blocks:
        yield from _attributes(each, key)
