"""The poolers of a project: their files with what they include, containers, Kubernetes manifests, templates of AWS."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from poolcheck import catalogue
from poolcheck.model.pooler_config import PoolerConfig, translated
from poolcheck.model.report import Skipped
from poolcheck.project.collected import Collected, lines_of, together

if TYPE_CHECKING:
    from poolcheck.project.packages import Packages
    from poolcheck.readers.deploy.compose import Compose, Service


def collect(packages: "Packages", names: Sequence[str], env_lines: Mapping[str, Sequence[str]]) -> Collected:
    """Every pooler that the files configure: its subject, its lines, its ignore comments."""
    wanted = [name for name in names if packages.kind_of(name) == "pooler"]
    parts: list[
        Collected
    ] = []  # what masks its lines comes first: of two readings of a file the first is shown
    files = _inis(packages, wanted, parts)
    if wanted:
        from poolcheck.project import other_poolers  # noqa: PLC0415 - only where there is one

        files |= other_poolers.files(packages, wanted, parts)
    proxies = list(_proxies(packages, names, parts))
    poolers: list[PoolerConfig] = []
    for compose in composes_of(packages, names):
        for service in compose.services:
            own = _container(service, env_lines)
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
                parts.append(lines_of(compose.path, packages.text(compose.path)))
    poolers += _manifests(packages, names, parts)
    poolers += proxies
    poolers += [replace(config, package=packages.of(path)) for path, config in files.items()]
    known = tuple(
        each if each.software == "pgbouncer" else translated(each, catalogue.pooler(each.software))
        for each in poolers
    )
    if known:
        parts.append(Collected(subjects=known, poolers=known, groups=frozenset("5")))
    return together(parts)


def _container(service: "Service", env_lines: Mapping[str, Sequence[str]]) -> PoolerConfig | None:
    """What a service says about the pooler that it runs; None when it runs none."""
    from poolcheck.readers.poolers import pgbouncer_env  # noqa: PLC0415 - only where there is a compose file

    if pgbouncer_env.is_pgbouncer(service):
        return pgbouncer_env.read(service)
    name = service.repository.rpartition("/")[2] or (service.name if service.build else "")
    software = next((each for each in ("supavisor", "odyssey", "pgcat", "pgdog") if each in name), "")
    if software == "supavisor":
        from poolcheck.readers.poolers import supavisor_env  # noqa: PLC0415 - only where there is one

        beside = posixpath.join(posixpath.dirname(service.path), ".env")
        values = supavisor_env.env_values(tuple(env_lines.get(beside, ())), beside)
        made = supavisor_env.read(service, values)
        return replace(made, published=pgbouncer_env.published(service.ports))
    if software and "exporter" not in name:
        return PoolerConfig(
            software=software, name=f"service {service.name}", location=service.location, complete=False, container=True,
            published=pgbouncer_env.published(service.ports), service=service.name, path=service.path,
        )  # fmt: skip
    return None


def _proxies(packages: "Packages", names: Sequence[str], parts: list[Collected]) -> Iterator[PoolerConfig]:
    """RDS Proxy in Terraform and in templates of CloudFormation, SAM and the Serverless Framework."""
    texts = [
        (name, text)
        for name in names
        if name.endswith((".tf", ".yaml", ".yml", ".json")) and packages.kind_of(name) in ("terraform", "platform")
        and (text := packages.text(name)) is not None and ("aws_db_proxy" in text or "AWS::RDS::DBProxy" in text)
    ]  # fmt: skip
    if texts:
        from poolcheck.project import other_poolers  # noqa: PLC0415 - only where there is one

        for config in other_poolers.proxies(packages, texts, parts):
            yield replace(config, package=packages.of(config.location.path))


def _manifests(packages: "Packages", names: Sequence[str], parts: list[Collected]) -> Iterator[PoolerConfig]:
    """PgBouncer in Kubernetes: the environment of a container, and a ConfigMap's pgbouncer.ini."""
    for name in names:
        text = packages.text(name) if name.endswith((".yaml", ".yml")) else None
        if text is None or "pgbouncer" not in text or "apiVersion:" not in text:
            continue
        from poolcheck.readers.poolers import in_kubernetes  # noqa: PLC0415 - only where there is one

        for config in in_kubernetes.poolers(text, name):
            yield replace(config, package=packages.of(name))
            parts.append(lines_of(name, packages.text(name)))


def composes_of(packages: "Packages", names: Sequence[str]) -> "list[Compose]":
    """Every compose file that was walked and can be read."""
    from poolcheck.readers.deploy import compose  # noqa: PLC0415 - only for a project

    found = []
    for name in names:
        if compose.matches(name) and (text := packages.text(name)) is not None:
            made = compose.read(text, name, packages.below(name))
            if made is not None:
                found.append(made)
    return found


def _inis(packages: "Packages", wanted: Sequence[str], parts: list[Collected]) -> dict[str, PoolerConfig]:
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
            parts.append(
                Collected(lines={name: made.lines}, ignores={name: made.ignores} if made.ignores else {})
            )
    included: set[str] = set()
    for name, config in list(read.items()):
        for each in config.includes:
            path = pgbouncer_ini.include_path(name, each.value)
            text = packages.text(path) if path in packages.names else None
            inner = pgbouncer_ini.read(text, path) if text else None
            if inner is None:
                why = f"the included file {each.value} is not in the project"
                missing = Skipped(f"{name}:{each.location.line}", why, "Its settings are not known.")
                parts.append(Collected(skipped=(missing,)))
                read[name] = replace(read[name], complete=False)
            else:
                included.add(path)
                parts.append(Collected(lines={path: inner.lines}))
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
