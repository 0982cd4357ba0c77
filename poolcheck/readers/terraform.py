"""Terraform: the resources that run an app, with the most instances that each may start, where a plain number says so.

A variable or an expression is not known. Sources: the provider pages of `google_cloud_run_v2_service`, `aws_ecs_service`,
`aws_appautoscaling_target`, `aws_lambda_function` and `azurerm_container_app` at https://registry.terraform.io/.
"""

import posixpath
import re
from collections.abc import Iterator

from poolcheck.core.finding import Location
from poolcheck.core.record import dataclass
from poolcheck.readers.deployments import Count, Deployment

_LONGEST = 1_000_000  # characters
_RESOURCE = re.compile(r"^resource[^\S\n]+\"(\w+)\"[^\S\n]+\"([\w-]+)\"[^\S\n]*\{", re.MULTILINE)
_SIGN = re.compile(r"\"[^\"\\\n]*+(?:\\.[^\"\\\n]*+){0,100}\"|#[^\n]*|//[^\n]*|/\*|[{}]")
# resource → what Terraform calls its most instances, and the platform
_MOST = {
    "google_cloud_run_v2_service": ("max_instance_count", "cloud-run"),
    "google_cloud_run_service": ("autoscaling.knative.dev/maxScale", "cloud-run"),
    "aws_lambda_function": ("reserved_concurrent_executions", "aws-lambda"),
    "azurerm_container_app": ("max_replicas", "azure-container-apps"),
    "google_cloudfunctions2_function": ("max_instance_count", "cloud-functions"),
    "google_app_engine_standard_app_version": ("max_instances", "app-engine"),
    "aws_ecs_service": ("desired_count", "aws-ecs"),
}


@dataclass(frozen=True, slots=True)
class _Block:
    kind: str
    name: str
    body: str
    line: int


def read(text: str, path: str) -> tuple[Deployment, ...]:
    """What a file deploys."""
    if len(text) > _LONGEST:
        return ()
    blocks = list(_blocks(text))
    made = []
    for block in blocks:
        if block.kind not in _MOST:
            continue
        key, platform = _MOST[block.kind]
        number, at = _number(block, key)
        extra = 0
        if block.kind == "aws_ecs_service":
            for target in blocks:
                if (
                    target.kind == "aws_appautoscaling_target"
                    and f"aws_ecs_service.{block.name}." in target.body
                ):
                    key = "max_capacity"
                    number, at = _number(target, key)
            extra = _ecs_surge(block, number or 0)
        words = f"{key} = {number}" if number else f"{key} is computed" if at else ""
        made.append(
            Deployment(
                name=block.name, platform=platform, location=Location(path, block.line), surge=extra,
                instances=Count(number, words, Location(path, at) if at else None), folder=posixpath.dirname(path) or ".",
            )
        )  # fmt: skip
    return tuple(made)


def _ecs_surge(block: _Block, instances: int) -> int:
    """ECS runs up to 200 % of a service while it deploys, unless the service says otherwise.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
    """
    percent, at = _number(block, "deployment_maximum_percent")
    return instances * (max(100, percent or 100 if at else 200) - 100) // 100


def _number(block: _Block, key: str) -> tuple[int | None, int]:
    """The plain number of an attribute, and its line; (None, line) for an expression, (None, 0) where it is not set."""
    found = list(
        re.finditer(
            rf"^[^\S\n]*\"?{re.escape(key)}\"?[^\S\n]*=[^\S\n]*\"?([^\s\"#]*)", block.body, re.MULTILINE
        )
    )
    if not found:
        return None, 0
    line = block.line + block.body.count("\n", 0, found[0].start(1))
    if len(found) > 1 or not re.fullmatch(r"[1-9]\d{0,5}", found[0][1]):
        return None, line
    return int(found[0][1]), line


def _blocks(text: str) -> Iterator[_Block]:
    line, counted, past = 1, 0, 0
    for match in _RESOURCE.finditer(text):
        if match.start() < past:
            continue
        deep, at = 1, match.end()
        while deep and (sign := _SIGN.search(text, at)) is not None:
            at = sign.end()
            if sign[0] == "/*":
                close = text.find("*/", at)
                at = close + 2 if close >= 0 else len(text)
            deep += (sign[0] == "{") - (sign[0] == "}")
        past = at
        line += text.count("\n", counted, match.start())
        counted = match.start()
        yield _Block(match[1], match[2], text[match.start() : at], line)
