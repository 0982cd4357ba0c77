"""Terraform: the resources that run an app, with the most instances that each may start, where a plain number says so.

A variable is what its module, its tfvars or its default say; any other expression is not known. Sources: the provider pages of `google_cloud_run_v2_service`, `aws_ecs_service`,
`aws_appautoscaling_target`, `aws_lambda_function` and `azurerm_container_app` at https://registry.terraform.io/.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

from poolcheck.connection.secret import Secret
from poolcheck.model.problem import Location
from poolcheck.readers import hcl
from poolcheck.readers.deploy.compose import address
from poolcheck.readers.deploy.kubernetes import ContainerVariable
from poolcheck.readers.deploy.platforms import AZURE_APPS, ONE_AT_ONCE, Deployment, InstanceCount
from poolcheck.readers.deploy.terraform_module import TerraformCall, TerraformModule

# resource → what Terraform calls its most instances, and the platform
KINDS = {
    "google_cloud_run_v2_service": ("max_instance_count", "cloud-run"),
    "google_cloud_run_service": ("autoscaling.knative.dev/maxScale", "cloud-run"),
    "aws_lambda_function": ("reserved_concurrent_executions", "aws-lambda"),
    "azurerm_container_app": ("max_replicas", AZURE_APPS),
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
_SWITCH = re.compile(r"\?(?:1:0|0:1)\Z")  # count = var.enabled ? 1 : 0
# ${aws_db_proxy.app.endpoint}: the address of what is named
_ADDRESS = re.compile(
    r"(?:\$\{)?\b((?:aws_db_proxy|aws_db_instance|aws_rds_cluster)\.[\w-]+)(?:\[\w+\])?\.(?:endpoint|address)\}?"
)


def read(modules: Iterable[TerraformModule]) -> tuple[Deployment, ...]:
    """What a project's modules deploy: a module that is called by several names, once for each."""
    made = []
    for module in modules:
        if module.resources(*KINDS):
            uses = list(module.uses())
            for called, use in uses:
                for each in _deployments(use):
                    one = replace(each, name=f"{called}.{each.name}") if len(uses) > 1 else each
                    made.append(_called(one, use.calls[0]) if use.calls else one)
    return tuple(made)


def _deployments(module: TerraformModule) -> Iterator[Deployment]:
    scalers = [
        (target.text, path, each)
        for path, each in module.resources("aws_appautoscaling_target")
        if (target := each.attributes.get("resource_id")) is not None
    ]
    for path, resource in module.resources(*KINDS):
        kind, name = resource.labels
        key, platform = KINDS[kind]
        count = _count(module, resource, key, path)
        if kind == "aws_ecs_service":
            for scaled, at, scaler in scalers:
                if f"{resource.address}." in scaled:
                    count = _count(module, scaler, "max_capacity", at)
        elif kind == "aws_apprunner_service":
            count = _app_runner(module, resource, path)
        count = _times(module, resource, count, path)
        surge = None if platform == AZURE_APPS else 0
        if kind == "aws_ecs_service":
            surge = _ecs_surge(module, resource, count.number or 0, path)
        yield Deployment(
            name=name,
            platform=platform,
            location=Location(path, resource.line),
            surge=surge,
            instances=count,
            environment=tuple(_environment(module, resource, path)),
            at_once=_at_once(module, resource, path),
            folder=posixpath.dirname(path) or ".",
        )


def _called(made: Deployment, call: TerraformCall) -> Deployment:
    """A deployment of a module that one call may use several times."""
    count = _times(call.module, call.block, made.instances, call.path)
    many = (count.number or 0) // (made.instances.number or 1)
    return replace(made, instances=count, surge=None if made.surge is None else made.surge * many)


def _times(module: TerraformModule, resource: hcl.HclBlock, count: InstanceCount, path: str) -> InstanceCount:
    """The instances of all that a resource makes by its `count` or `for_each`; one that may be switched off is one."""
    key = next((each for each in ("for_each", "count") if each in resource.attributes), "")
    several = resource.attributes.get(key)
    if several is None or _SWITCH.search(several.text):
        return count
    made = (module.text(several) or "") if key == "count" else ""
    if not re.fullmatch(r"[1-9]\d{0,3}", made):
        return InstanceCount(None, f"{key} makes several of it", Location(path, several.line))
    if made == "1" or count.number is None:
        return count
    return replace(count, number=int(made) * count.number, words=f"count = {made}, {count.words}")


def _environment(module: TerraformModule, resource: hcl.HclBlock, path: str) -> Iterator[ContainerVariable]:
    """The variables of a function, of a service's containers, or of a service's task definition in the same module."""
    for block in _blocks(resource):
        name, value = block.attributes.get("name"), block.attributes.get("value")
        if block.type == "env" and name is not None and name.known:
            yield _variable(name.text, _number(module, value or hcl.Value("", block.line, known=False)), path)
        variables = block.attributes.get("variables")
        for key, text in variables.pairs if variables is not None and block.type == "environment" else ():
            yield _variable(key, _number(module, text), path)
    task = resource.attributes.get("task_definition")
    if task is None:
        return
    for at, other in module.resources("aws_ecs_task_definition"):
        containers = other.attributes.get("container_definitions")
        if containers is not None and task.text.startswith(f"{other.address}."):
            for (key, name), (what, text) in pairwise(containers.pairs):
                if key == "name" and what in ("value", "valueFrom"):
                    told = _number(module, text)
                    yield _variable(name.text, replace(told, known=told.known and what == "value"), at)


def _number(module: TerraformModule, value: hcl.Value) -> hcl.Value:
    """A variable of Terraform where it comes to a number: a string's default is most often a placeholder."""
    text = None if value.known else module.text(value)
    return replace(value, text=text, known=True) if text and re.fullmatch(r"\d{1,6}", text) else value


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


def _app_runner(module: TerraformModule, service: hcl.HclBlock, path: str) -> InstanceCount:
    """The most instances of a service: of the scaling that it names, else 25.

    https://docs.aws.amazon.com/apprunner/latest/api/API_CreateAutoScalingConfiguration.html
    """
    named = service.attributes.get("auto_scaling_configuration_arn")
    default = InstanceCount(25, "App Runner's default: 25 instances")
    if named is None:
        return default
    for at, each in module.resources("aws_apprunner_auto_scaling_configuration_version"):
        if f"{each.address}." in named.text:
            said = _count(module, each, "max_size", at)
            return said if said.words else default
    return InstanceCount(None, "its scaling is set elsewhere", Location(path, named.line))


def _at_once(module: TerraformModule, resource: hcl.HclBlock, path: str) -> InstanceCount:
    key, default = _AT_ONCE.get(resource.labels[0], ("", InstanceCount()))
    if any("capacity_provider_config" in (each.type, *each.labels) for each in _blocks(resource)):
        return InstanceCount()  # Lambda's managed instances
    said = _count(module, resource, key, path)
    return said if said.words else default


def _ecs_surge(module: TerraformModule, service: hcl.HclBlock, instances: int, path: str) -> int:
    """ECS runs up to 200 % of a service while it deploys, unless the service says otherwise.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
    """
    said = _count(module, service, "deployment_maximum_percent", path)
    percent = said.number or (100 if said.words else 200)
    return instances * (max(100, percent) - 100) // 100


def _count(module: TerraformModule, resource: hcl.HclBlock, key: str, path: str) -> InstanceCount:
    """The number of an attribute, wherever in the resource it stands; set twice, it is not known."""
    found = list(_attributes(resource, key))
    if not found:
        return InstanceCount()
    at = Location(path, found[0].line)
    text = module.text(found[0]) or ""
    if len(found) > 1 or re.fullmatch(r"[1-9]\d{0,5}", text) is None:
        return InstanceCount(None, f"{key} is computed", at)
    written = text if found[0].known else f"{found[0].text}, {text}"
    return InstanceCount(int(text), f"{key} = {written}", at)


def _attributes(block: hcl.HclBlock, key: str) -> Iterator[hcl.Value]:
    for name, value in block.attributes.items():
        if name == key:
            yield value
        else:  # a map: annotations = { "autoscaling.knative.dev/maxScale" = "9" }
            yield from (inner for named, inner in value.pairs if named == key)
    for each in block.blocks:
        yield from _attributes(each, key)
