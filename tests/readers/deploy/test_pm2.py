"""PM2 ecosystem files, in every form that PM2 reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolcheck.model.problem import Location
from poolcheck.readers.deploy import pm2

FILE = """const base = { cwd: './server', env: { MODE: 'x' } }
module.exports = {
  apps: [
    {
      name: 'api',
      script: 'dist/main.js',
      instances: 4,
      exec_mode: 'cluster',
      env: { DATABASE_URL: 'postgresql://app:s3cret@pg.acme.dev/app', KEY: process.env.KEY },
      env_production: { MODE: 'live' },
    },
    { ...base, script: './jobs.js' },
  ],
}
"""


def test_apps() -> None:
    """Name, processes, folder and environment of each, with their lines; no secret in sight."""
    made = pm2.read(FILE, "deploy/ecosystem.config.js")
    assert made is not None
    api, jobs = made.apps

    assert made.complete
    assert (api.name, api.instances, api.instances_line, api.words) == ("api", 4, 7, "instances: 4")
    assert api.location == Location("deploy/ecosystem.config.js", 5)
    assert (api.folder, jobs.folder) == ("deploy", "deploy/server")
    assert (jobs.name, jobs.instances, jobs.instances_line) == ("jobs", 1, 0)
    environment = {name: value.reveal() if value else None for name, value, _ in api.environment}
    assert environment == {"DATABASE_URL": "postgresql://app:s3cret@pg.acme.dev/app", "KEY": None, "MODE": "live"}  # fmt: skip
    assert "s3cret" not in repr(made)


@pytest.mark.parametrize(
    ("name", "text", "number"),
    [
        ("ecosystem.config.cjs", "module.exports = {apps: [{script: 'a.js', instances: '3'}]}", 3),
        ("ecosystem.config.mjs", "export default {apps: [{script: 'a.js', instances: 2}]}", 2),
        ("ecosystem.config.js", "const apps = [{script: 'a.js', instances: 5}]\nmodule.exports = {apps}", 5),
        ("ecosystem.config.js", "module.exports = [{script: 'a.js', instances: 5}]", 5),
        ("process.json", '{"apps": [{"script": "a.js", /* why */ "instances": 6,}]}', 6),
        ("pm2.config.js", "module.exports = {apps: [{script: 'a.js'}]}", 1),
        ("ecosystem.yml", "apps:\n  - script: a.js\n    instances: 7\n", 7),
        ("ecosystem.config.js", "module.exports = {apps: [{script: 'a.js', instances: 'max'}]}", None),
        ("ecosystem.config.js", "module.exports = {apps: [{script: 'a.js', instances: 0}]}", None),
        ("ecosystem.config.js", "module.exports = {apps: [{script: 'a.js', instances: -1}]}", None),
        ("ecosystem.config.js", "module.exports = {apps: [{script: 'a.js', instances: process.env.N || 4}]}", None),
    ],
)  # fmt: skip
def test_instances(name: str, text: str, number: int | None) -> None:
    """What depends on the CPUs or on a variable is not known."""
    made = pm2.read(text, name)

    assert pm2.matches(name)
    assert made is not None
    assert [app.instances for app in made.apps] == [number]


@pytest.mark.parametrize(
    "text",
    ["module.exports = {apps: names.map(name => ({name, script: 'a.js'}))}", "script", "module.exports = {", "apps: [*a]"],
)  # fmt: skip
def test_nothing_to_follow(text: str) -> None:
    """Lists that code makes are not read."""
    assert pm2.read(text, "ecosystem.config.js") is None
    assert pm2.read(text, "ecosystem.yml") is None


@pytest.mark.parametrize(
    "path", ["ecosystem.dev.config.js", "ecosystem.test.js", "src/process.ts", "processes.py"]
)
def test_other_files(path: str) -> None:
    """Developers' and tests' files, and files that only sound like one."""
    assert not pm2.matches(path)


@given(st.text(alphabet="apps:[{script'instances,0}]) \n.=\"modulexrt", max_size=200))
def test_never_raises(text: str) -> None:
    """Whatever stands in a file."""
    for name in ("ecosystem.config.js", "process.json", "ecosystem.yml"):
        pm2.read("script" + text, name)
