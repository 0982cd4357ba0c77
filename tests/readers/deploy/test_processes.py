"""How many processes a command starts, with the configs and variables beside it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolcheck.model.problem import Location
from poolcheck.readers.deploy import process_configs, processes
from poolcheck.readers.deploy.processes import Around


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("pm2-runtime start app.js -i max", "pm2-runtime -i max depends on the number of CPUs"),
        ("pm2 start app.js -i 0", "pm2 -i 0 depends on the number of CPUs"),
        ("pm2 start app.js --instances=-1", "pm2 --instances -1 depends on the number of CPUs"),
        ("gunicorn -w $(nproc) app", "gunicorn -w takes a value that is computed"),
        ("gunicorn --workers ${WORKERS} app", "gunicorn --workers takes WORKERS, which no file sets"),
        ("gunicorn -c /etc/g.py app", "gunicorn takes it from /etc/g.py, which is not in the project"),
        ("celery -A shop worker", "celery without -c starts one per CPU"),
    ],
)
def test_not_known(command: str, words: str) -> None:
    """A number that cannot be known is said to be there."""
    found = processes.read(command.split(), Around({}))
    assert found is not None
    assert (found.number, found.words) == (None, words)


@pytest.mark.parametrize(
    ("command", "environment", "number"),
    [
        ("granian --interface asgi app", {"GRANIAN_WORKERS": "6"}, 6),
        ("hypercorn -w 3 app", {}, 3),
        ("fastapi run --workers=2", {}, 2),
        ("gunicorn --workers ${WORKERS:-5} app", {}, 5),
        ("gunicorn --workers ${WORKERS:-5} app", {"WORKERS": "7"}, 7),
        ("gunicorn app", {"GUNICORN_CMD_ARGS": "--workers=4", "WEB_CONCURRENCY": "9"}, 4),
        ("celery -A shop worker -P threads -c 40", {}, 1),
        ("celery -A shop worker -P gevent --concurrency=100", {}, 1),
        ("celery -A shop beat -c 4", {}, 1),
        ("celery -A shop worker --autoscale=10,3", {}, 10),
        ("sidekiq -c 25", {}, None),
        ("npm run serve", {}, 8),
        ("yarn serve", {}, 8),
        ("npm start", {}, None),
        ("pm2 list", {}, None),
        ("uvicorn app && gunicorn -w 3 x", {"WEB_CONCURRENCY": "2"}, 2),
    ],
)
def test_numbers(command: str, environment: dict[str, str | None], number: int | None) -> None:
    """Options, their variables, scripts of package.json; threads are no processes."""
    around = Around(environment, script=lambda name: "pm2-runtime app.js -i 8" if name == "serve" else "")
    found = processes.read(command.split(), around)

    assert (found.number if found else None) == number


@pytest.mark.parametrize(
    ("command", "environment", "config", "threads"),
    [
        ("gunicorn -w 4 app", {}, None, 1),
        ("gunicorn app", {}, None, 1),
        ("gunicorn -k sync app", {}, None, 1),
        ("gunicorn --threads 8 app", {}, None, 8),
        ("gunicorn -k gthread --threads=2 app", {}, None, 2),
        ("gunicorn -k uvicorn.workers.UvicornWorker app", {}, None, None),
        ("gunicorn -k gevent app", {}, None, None),
        ("gunicorn --threads ${N} app", {}, None, None),
        ("gunicorn -c /etc/g.py app", {}, None, None),
        ("gunicorn app", {}, "workers = 2\nworker_class = 'gevent'\n", None),
        ("gunicorn app", {}, "workers = 2\n", 1),
        ("gunicorn app", {"GUNICORN_CMD_ARGS": "-k gevent"}, None, None),
        ("gunicorn app", {"GUNICORN_CMD_ARGS": None}, None, None),
        ("celery -A shop worker -c 4", {}, None, 1),
        ("celery -A shop worker -P threads -c 40", {}, None, 40),
        ("celery -A shop worker -P solo", {}, None, 1),
        ("celery -A shop worker -P gevent", {}, None, None),
        ("celery -A shop beat", {}, None, 1),
    ],
)
def test_requests_at_once(
    command: str, environment: dict[str, str | None], config: str | None, threads: int | None
) -> None:
    """How many requests a process serves at once, where its kind of worker tells; None: as many as come."""
    around = Around(environment, config=lambda name: (config, "gunicorn.conf.py") if config else None)
    found = processes.read(command.split(), around)

    assert found is not None
    assert found.threads == threads


def test_order_of_gunicorn() -> None:
    """Command line, GUNICORN_CMD_ARGS, config, WEB_CONCURRENCY: the first that says anything."""
    around = Around(
        {"WEB_CONCURRENCY": "9"}, config=lambda name: ("bind = 1\nworkers = 4\n", "app/gunicorn.conf.py")
    )

    found = processes.read(["gunicorn", "app"], around)

    assert found is not None
    assert (found.number, found.words, found.location) == (
        4,
        "workers 4",
        Location("app/gunicorn.conf.py", 2),
    )


@pytest.mark.parametrize(
    ("tool", "text", "number", "variable"),
    [
        ("gunicorn", "workers = 4", 4, ""),
        ("gunicorn", "workers: int = 5  # five", 5, ""),
        ("gunicorn", 'workers = int(os.environ.get("WEB_CONCURRENCY", 2))', 2, "WEB_CONCURRENCY"),
        ("gunicorn", 'workers = max(1, int(os.getenv("W", "4")))', 4, "W"),
        ("gunicorn", 'workers = int(os.getenv("W") or 3)', 3, "W"),
        ("gunicorn", 'count = os.environ["W"]\nworkers = int(count)', None, "W"),
        ("gunicorn", 'workers = int(os.environ.get("W", 2)) * 3', None, ""),
        ("gunicorn", "workers = multiprocessing.cpu_count() * 2 + 1", None, ""),
        ("gunicorn", "if x:\n    workers = 3\nelse:\n    workers = 4", None, ""),
        ("gunicorn", "workers = 2 if debug else 8", None, ""),
        ("puma", "workers 2", 2, ""),
        ("puma", 'workers ENV.fetch("WEB_CONCURRENCY") { 2 }', 2, "WEB_CONCURRENCY"),
        ("puma", 'workers ENV.fetch("WEB_CONCURRENCY", 0).to_i', 0, "WEB_CONCURRENCY"),
        ("puma", 'workers Integer(ENV["WEB_CONCURRENCY"] || 3)', 3, "WEB_CONCURRENCY"),
        ("puma", "workers :auto", None, ""),
        ("puma", 'workers 4 if ENV["X"]', None, ""),
        (
            "puma",
            'if ENV["RAILS_ENV"] == "production"\n  n = Integer(ENV.fetch("WEB_CONCURRENCY") { 3 })\n  workers n if n > 1\nend',
            None,
            "WEB_CONCURRENCY",
        ),
    ],
)
def test_configs(tool: str, text: str, number: int | None, variable: str) -> None:
    """A number, a variable with what stands in for it, or neither."""
    made = process_configs.read(text, tool)  # type: ignore[arg-type]  # one of the two
    assert made is not None

    assert (made.number, made.variable) == (number, variable)
    assert made.number is not None or made.variable or made.why


@pytest.mark.parametrize(
    "text", ["worker_class = 'gthread'", "# workers = 4", "threads 5, 5", "x.workers = 3"]
)
def test_configs_that_set_none(text: str) -> None:
    """Then what comes below decides."""
    assert process_configs.read(text, "gunicorn") is None


def test_variables_decide() -> None:
    """The deployment's variable, else what stands in for it, unless it may be set elsewhere."""
    config = 'workers ENV.fetch("WEB_CONCURRENCY") { 2 }'
    command = "bundle exec rails server".split()

    def number(environment: dict[str, str | None], *, complete: bool) -> int | None:
        found = processes.read(command, Around(environment, complete, lambda name: (config, name)))
        return found.number if found else 0

    assert number({"WEB_CONCURRENCY": "6"}, complete=False) == 6
    assert number({}, complete=True) == 2
    assert number({}, complete=False) is None
    assert number({"WEB_CONCURRENCY": None}, complete=True) is None


def test_environment_of_a_dockerfile() -> None:
    """The last stage's, in both forms."""
    text = "FROM a\nENV X=1\nFROM b\nENV WEB_CONCURRENCY=4 MODE='live x'\nENV OLD form\nENV Y=$X\n"

    assert processes.docker_environment(text) == {"WEB_CONCURRENCY": "4", "MODE": "live x", "OLD": "form", "Y": None}  # fmt: skip


@given(st.lists(st.sampled_from(["gunicorn", "-w", "pm2", "start", "-i", "max", "npm", "run", "x", "$A", "${A:-3}", "--workers=", "celery", "worker", "-c", ";", "", "99999999999"]), max_size=12), st.text(max_size=80))  # fmt: skip
def test_never_raises(command: list[str], text: str) -> None:
    """Any command, any config."""
    processes.read(
        command,
        Around({"A": text}, config=lambda name: ("workers = " + text, name), script=lambda name: text),
    )
    process_configs.read("workers " + text, "puma")
    processes.docker_environment("ENV " + text)
