"""The poolers of a project: their files with what they include, containers, Kubernetes manifests, templates of AWS."""

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from poolcheck import catalogue
from poolcheck.model.pooler_config import PoolerConfig, translated
from poolcheck.model.report import Skipped
from poolcheck.project.config_files import add_text

if TYPE_CHECKING:
    from poolcheck.project.collect import Found
    from poolcheck.project.packages import Packages
    from poolcheck.readers.deploy.compose import Compose, Service


def add(found: "Found", packages: "Packages", names: Sequence[str]) -> None:
    """Every pooler that the files configure: its subject, its lines, its ignore comments."""
    wanted = [name for name in names if packages.kind_of(name) == "pooler"]
    files = _inis(found, packages, wanted)
    if wanted:
        from poolcheck.project import other_poolers  # noqa: PLC0415 - only where there is one

        files |= other_poolers.files(found, packages, wanted)
    poolers: list[PoolerConfig] = []
    for compose in composes_of(packages, names):
        for service in compose.services:
            own = _container(service, found)
            if own is None:
                continue
            built = posixpath.join(service.build, "") if service.build and service.build != "." else "\0"
            mounted = [
                path
                for path, config in files.items()
                if config.software == own.software
                and (_mounts(service.volumes, compose.path, path) or path.startswith(built))
            ]
            for path in mounted:
                files[path] = replace(
                    files[path], version=own.version, version_source=own.version_source, published=own.published,
                    descriptors=own.descriptors, container=True, service=own.service, path=own.path,
                )  # fmt: skip
            if not mounted and (own.settings or own.version):
                poolers.append(replace(own, package=packages.of(compose.path)))
                add_text(found, packages, compose.path)
    poolers += _manifests(found, packages, names)
    poolers += _proxies(found, packages, names)
    poolers += [replace(config, package=packages.of(path)) for path, config in files.items()]
    if poolers:
        known = [
            each if each.software == "pgbouncer" else translated(each, catalogue.pooler(each.software))
            for each in poolers
        ]
        found.subjects += known
        found.poolers += known
        found.groups += "5"


def _container(service: "Service", found: "Found") -> PoolerConfig | None:
    """What a service says about the pooler that it runs; None when it runs none."""
    from poolcheck.readers.poolers import pgbouncer_env  # noqa: PLC0415 - only where there is a compose file

    if pgbouncer_env.is_pgbouncer(service):
        return pgbouncer_env.read(service)
    name = service.repository.rpartition("/")[2] or (service.name if service.build else "")
    software = next((each for each in ("supavisor", "odyssey", "pgcat", "pgdog") if each in name), "")
    if software == "supavisor":
        from poolcheck.readers.poolers import supavisor_env  # noqa: PLC0415 - only where there is one

        beside = posixpath.join(posixpath.dirname(service.path), ".env")
        values = supavisor_env.env_values(tuple(found.lines.get(beside, ())), beside)
        made = supavisor_env.read(service, values)
        return replace(made, published=pgbouncer_env.published(service.ports))
    if software and "exporter" not in name:
        return PoolerConfig(
            software=software, name=f"service {service.name}", location=service.location, complete=False, container=True,
            published=pgbouncer_env.published(service.ports), service=service.name, path=service.path,
        )  # fmt: skip
    return None


def _proxies(found: "Found", packages: "Packages", names: Sequence[str]) -> Iterator[PoolerConfig]:
    """RDS Proxy in Terraform and in templates of CloudFormation, SAM and the Serverless Framework."""
    texts = [
        (name, text)
        for name in names
        if name.endswith((".tf", ".yaml", ".yml", ".json")) and packages.kind_of(name) in ("terraform", "platform")
        and (text := packages.text(name)) is not None and ("aws_db_proxy" in text or "AWS::RDS::DBProxy" in text)
    ]  # fmt: skip
    if texts:
        from poolcheck.project import other_poolers  # noqa: PLC0415 - only where there is one

        for config in other_poolers.proxies(found, packages, texts):
            yield replace(config, package=packages.of(config.location.path))


def _manifests(found: "Found", packages: "Packages", names: Sequence[str]) -> Iterator[PoolerConfig]:
    """PgBouncer in Kubernetes: the environment of a container, and a ConfigMap's pgbouncer.ini."""
    for name in names:
        text = packages.text(name) if name.endswith((".yaml", ".yml")) else None
        if text is None or "pgbouncer" not in text or "apiVersion:" not in text:
            continue
        from poolcheck.readers.deploy import kubernetes  # noqa: PLC0415 - only where there is one

        for config in kubernetes.poolers(text, name):
            yield replace(config, package=packages.of(name))
            add_text(found, packages, name)


def composes_of(packages: "Packages", names: Sequence[str]) -> "list[Compose]":
    """Every compose file that was walked and can be read."""
    from poolcheck.readers.deploy import compose  # noqa: PLC0415 - only for a project

    found = []
    for name in names:
        if compose.matches(name) and (text := packages.text(name)) is not None:
            made = compose.read(text, name)
            if made is not None:
                found.append(made)
    return found


def _inis(found: "Found", packages: "Packages", wanted: Sequence[str]) -> dict[str, PoolerConfig]:
    """Every pgbouncer.ini, with what it includes; an included file is not a config of its own."""
    if not wanted:
        return {}
    from poolcheck.readers.poolers import pgbouncer_ini  # noqa: PLC0415 - only where there is one

    read: dict[str, PoolerConfig] = {}
    for name in wanted:
        text = packages.text(name)
        made = pgbouncer_ini.read(text, name) if text is not None and pgbouncer_ini.matches(name) else None
        if made is not None:
            read[name] = made.config
            found.lines[name] = made.lines
            if made.ignores:
                found.ignores[name] = made.ignores
    included: set[str] = set()
    for name, config in list(read.items()):
        for each in config.includes:
            path = pgbouncer_ini.include_path(name, each.value)
            text = packages.text(path) if path in packages.names else None
            inner = pgbouncer_ini.read(text, path) if text else None
            if inner is None:
                found.skipped.append(
                    Skipped(
                        f"{name}:{each.location.line}",
                        f"the included file {each.value} is not in the project",
                        "Its settings are not known.",
                    )
                )
                read[name] = replace(read[name], complete=False)
            else:
                included.add(path)
                found.lines[path] = inner.lines
                read[name] = pgbouncer_ini.merged(read[name], inner.config)
    lists = [name for name in wanted if pgbouncer_ini.is_userlist(name)]
    for name, config in read.items():
        beside = next((each for each in lists if posixpath.dirname(each) == posixpath.dirname(name)), None)
        if beside is not None:
            read[name] = replace(config, logins=pgbouncer_ini.userlist(packages.text(beside) or ""))
    return {name: config for name, config in read.items() if name not in included}


def _mounts(volumes: Iterable[str], compose_path: str, ini: str) -> bool:
    """Whether one of the volumes is the file, or a folder that holds it."""
    for each in volumes:
        source = posixpath.normpath(posixpath.join(posixpath.dirname(compose_path), each.partition(":")[0]))
        if ini == source or (source != "." and ini.startswith(source + "/")):
            return True
    return False
