"""How many processes a command starts, with the configs and variables beside it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolcheck import catalogue
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
        ("uvicorn app & rq worker-pool -n 25", "the command starts several programs"),
        ("celery -A shop worker", "celery without -c starts one per CPU"),
    ],
)
def test_not_known(command: str, words: str) -> None:
    """A number that cannot be known is said to be there."""
    found = processes.read(command.split(), Around({}), catalogue.programs)
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
        ("sidekiq -c 25", {}, 1),
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
    found = processes.read(command.split(), around, catalogue.programs)

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
    found = processes.read(command.split(), around, catalogue.programs)

    assert found is not None
    assert found.threads == threads


QUEUE = """default: &default
  dispatchers:
    - batch_size: 500
  workers:
    - queues: "*"
      threads: <%= ENV.fetch("RAILS_MAX_THREADS", 3) %>
      processes: <%= ENV.fetch("JOB_CONCURRENCY", 2) %>
production:
  <<: *default
"""
SEVERAL = "workers:\n  - {queues: a, threads: 4, processes: 2}\n  - {queues: b}\n"
SIDEKIQ = ":concurrency: 5\nproduction:\n  :concurrency: 20\n"
RAILS = """threads_count = ENV.fetch("RAILS_MAX_THREADS", 3)
threads threads_count, threads_count
workers Integer(ENV.fetch("WEB_CONCURRENCY", 2))
"""
# command, environment, its config, processes, requests that each serves at once; None: not known, or as many as come
PROGRAMS: list[tuple[str, dict[str, str | None], str, int | None, int | None]] = [
    ("hypercorn -w 4 -k trio app", {}, "", 4, None),
    ("hypercorn -c file:h.toml app", {}, "workers = 3\n", 3, None),
    ("uvicorn --workers 2 app", {}, "", 2, None),
    ("fastapi run", {"WEB_CONCURRENCY": "3"}, "", 3, None),
    ("granian --interface asgi --workers 2 app", {}, "", 2, None),
    ("granian --interface asgi --blocking-threads 1 app", {}, "", 1, None),
    ("granian --interface wsgi --workers 2 --blocking-threads 8 app", {}, "", 2, 8),
    ("granian app", {"GRANIAN_INTERFACE": "wsgi", "GRANIAN_BLOCKING_THREADS": "4"}, "", 1, 4),
    ("granian --interface wsgi app", {}, "", 1, None),
    ("waitress-serve --port=80 app:app", {}, "", 1, 4),
    ("waitress-serve --threads=16 app:app", {}, "", 1, 16),
    ("gunicorn app", {}, "workers = 3\nworker_class = 'gthread'\nthreads = 4\n", 3, 4),
    ("gunicorn app", {}, "worker_class = os.environ['KIND']\n", 1, None),
    ("uwsgi --http :80 --processes 4 --threads 2", {}, "", 4, 2),
    ("uwsgi --ini uwsgi.ini", {}, "[uwsgi]\nworkers = 3\n; threads = 9\n", 3, 1),
    ("uwsgi /app/uwsgi.ini", {}, "[uwsgi]\nprocesses = 3\nthreads = 2 ; two\n", 3, 2),
    ("uwsgi uwsgi.ini", {}, "[uwsgi]\nprocesses = %k\ngevent = 100\n", None, None),
    ("rq worker high low", {}, "", 1, 1),
    ("python manage.py rqworker default", {}, "", 1, 1),
    ("rq worker-pool high -n 3", {}, "", 3, 1),
    ("dramatiq app.tasks", {}, "", None, 8),
    ("dramatiq app.tasks --processes 2 --threads 4", {}, "", 2, 4),
    ("dramatiq -p4 -t1 app.tasks", {}, "", 4, 1),
    ("bundle exec puma", {}, "", 1, 5),
    ("puma -w 2 -t 1:16", {}, "", 2, 16),
    ("puma -C config/puma.rb", {}, RAILS, 2, 3),
    ("puma -C config/puma.rb", {"RAILS_MAX_THREADS": "8", "WEB_CONCURRENCY": "4"}, RAILS, 4, 8),
    ("puma", {"PUMA_MAX_THREADS": "9"}, "workers 2\n", 2, 9),
    ("puma", {}, "threads 1, [5, n].max\n", 1, None),
    ("bin/rails s", {}, "threads(2, 6)\n", 1, 6),
    ("bundle exec unicorn -c config/unicorn.rb", {}, "worker_processes 3\n", 3, 1),
    ("unicorn", {}, "", 1, 1),
    ("passenger start --max-pool-size 4", {}, "", 4, 1),
    ("passenger start", {}, '{"max_pool_size": 3, "port": 80}', 3, 1),
    ("passenger start", {}, "", 6, 1),
    ("passenger start --app-type node", {"PASSENGER_MAX_POOL_SIZE": "2"}, "", 2, None),
    ("bundle exec sidekiq", {}, "", 1, 5),
    ("sidekiq -c 25", {"RAILS_MAX_THREADS": "3"}, SIDEKIQ, 1, 25),
    ("sidekiq", {"RAILS_MAX_THREADS": "3"}, SIDEKIQ, 1, 20),
    ("sidekiq -C config/sidekiq.yml", {"RAILS_MAX_THREADS": "3"}, ":queues:\n  - default\n", 1, 3),
    ("sidekiq", {}, ":concurrency: <%= ENV['N'] || 7 %>\n", 1, 7),
    ("sidekiq", {}, "<% if x %>\n:concurrency: 5\n<% end %>\n", 1, None),
    ("bin/jobs", {}, "", 1, 5),
    ("bin/jobs start", {"JOB_CONCURRENCY": "3"}, QUEUE, 3, 5),
    ("bundle exec rake solid_queue:start", {}, QUEUE, 2, 5),
    ("bin/jobs", {}, SEVERAL, 3, 6),
    ("bundle exec good_job start", {}, "", 1, 8),
    ("good_job start --max-threads=2", {"GOOD_JOB_MAX_THREADS": "9"}, "", 1, 5),
    ("good_job start --queues=mice:2;elephants:1", {}, "", 1, None),
    ("php-fpm", {}, "[www]\npm = dynamic\npm.max_children = 40\n", 40, 1),
    ("php-fpm8.2 -F", {}, "", None, 1),
    ("php-fpm", {}, "pm.max_children = ${N}\n", None, 1),
    ("frankenphp run --config /etc/caddy/Caddyfile", {}, "", None, 1),
    ("php artisan octane:frankenphp --workers=6", {}, "", 6, 1),
    ("php artisan octane:start --workers=auto", {}, "", None, 1),
    ("php artisan queue:work --tries=3", {}, "", 1, 1),
    ("php artisan horizon", {}, "", None, 1),
    ("celery -A shop beat", {}, "", 1, 1),
    ("celery -A shop worker", {}, "", None, 1),
]  # fmt: skip


@pytest.mark.parametrize(("command", "environment", "config", "number", "threads"), PROGRAMS)
def test_programs(
    command: str, environment: dict[str, str | None], config: str, number: int | None, threads: int | None
) -> None:
    """Options before the config before variables before defaults, as each program documents them."""
    around = Around(environment, config=lambda name: (config, name) if config else None)
    found = processes.read(command.split(), around, catalogue.programs)

    assert found is not None
    assert (found.number, found.threads) == (number, threads)
    assert found.number is not None or found.words
    assert found.threads is None or found.threads_words


def test_every_program_is_tried() -> None:
    """A file that no command of the table starts would be believed unseen."""
    tried = {
        program.id
        for command, *_ in PROGRAMS
        for word in command.split()
        for program in catalogue.programs(word)
    }
    assert tried == {program.id for program in catalogue.all_programs()}


@pytest.mark.parametrize(
    ("script", "number"),
    [
        (
            "#!/bin/sh\n# gunicorn -w 9\nset -e\npython manage.py migrate\nexec gunicorn shop.wsgi \\\n  -w 6\n",
            6,
        ),
        ("#!/usr/bin/env bash\nexec gunicorn -w ${WORKERS:-3} shop.wsgi\n", 3),
        (
            '#!/bin/sh\ncase "$1" in\n  web) exec gunicorn -w 4 x ;;\n  job) exec celery worker -A x ;;\nesac\n',
            None,
        ),
        ("#!/bin/sh\n./start.sh\n", 0),
        ("#!/usr/bin/env python\ngunicorn -w 3\n", 0),
    ],
)
def test_shell_scripts(script: str, number: int | None) -> None:
    """A script of the project that starts one program; of several, which is not known."""
    around = Around({}, config=lambda name: (script, name) if name.endswith(".sh") else None)
    found = processes.read(["sh", "./start.sh"], around, catalogue.programs)

    assert (found.number if found else 0) == number


def test_a_variable_that_may_be_set_elsewhere() -> None:
    """Threads by default are not known where the platform's own variables are not shown; options are."""
    around = Around({}, complete=False)

    def threads(command: str) -> int | None:
        found = processes.read(command.split(), around, catalogue.programs)
        return found.threads if found else 0

    assert threads("sidekiq") is None
    assert threads("sidekiq -c 10") == 10
    assert threads("gunicorn -w 2 app") == 1


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("FROM php:8.3-fpm-alpine\nCOPY . .\n", "php-fpm"),
        ("FROM php:8.3-fpm AS base\nFROM node AS js\nFROM base\nCOPY . .\n", "php-fpm"),
        ('FROM php:8.3-fpm\nCMD ["php", "artisan", "queue:work"]\n', "php artisan queue:work"),
        ("FROM php:8.3-cli\n", ""),
        ('FROM a AS b\nENTRYPOINT ["run"]\nCMD ["gunicorn"]\nFROM b\nUSER app\n', "run gunicorn"),
        ("FROM a AS b\nCMD gunicorn\nFROM --platform=linux/amd64 c\n", ""),
    ],
)
def test_command_of_an_image(text: str, command: str) -> None:
    """A stage begins with the command of the image, or of the stage, that it is from."""
    assert " ".join(processes.docker_command(text)[0]) == command


def test_order_of_gunicorn() -> None:
    """Command line, GUNICORN_CMD_ARGS, config, WEB_CONCURRENCY: the first that says anything."""
    around = Around(
        {"WEB_CONCURRENCY": "9"}, config=lambda name: ("bind = 1\nworkers = 4\n", "app/gunicorn.conf.py")
    )

    found = processes.read(["gunicorn", "app"], around, catalogue.programs)

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
    made = process_configs.read(text, "ruby" if tool == "puma" else "assigned", "workers")
    assert made is not None

    assert (made.number, made.variable) == (number, variable)
    assert made.number is not None or made.variable or made.why


@pytest.mark.parametrize(
    "text", ["worker_class = 'gthread'", "# workers = 4", "threads 5, 5", "x.workers = 3"]
)
def test_configs_that_set_none(text: str) -> None:
    """Then what comes below decides."""
    assert process_configs.read(text, "assigned", "workers") is None


def test_variables_decide() -> None:
    """The deployment's variable, else what stands in for it, unless it may be set elsewhere."""
    config = 'workers ENV.fetch("WEB_CONCURRENCY") { 2 }'
    command = "bundle exec rails server".split()

    def number(environment: dict[str, str | None], *, complete: bool) -> int | None:
        found = processes.read(
            command, Around(environment, complete, lambda name: (config, name)), catalogue.programs
        )
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
        catalogue.programs,
    )
    for form in ("assigned", "ruby", "yaml"):
        process_configs.read("workers " + text, form, "workers")
    processes.docker_environment("ENV " + text)
