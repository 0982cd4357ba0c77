"""Where the code runs, by what the source of a package starts; and what is an error where nobody knows."""

from pathlib import Path

import pytest

from poolcheck.model.severity import Severity
from tests.rules.projects import run

ENV = "DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4.us-east-2.aws.neon.tech/app\n"
GO_MOD = "module x\n\ngo 1.24\n\nrequire github.com/jackc/pgx/v5 v5.7.2\n"
SERVER = 'package main\n\nimport "net/http"\n\nfunc main() { http.ListenAndServe(":8080", nil) }\n'
GO = {".env.production": ENV, "go.mod": GO_MOD}


@pytest.mark.parametrize(
    ("files", "kind", "source", "direct"),
    [
        ({**GO, "main.go": SERVER}, "server", "main.go", None),
        ({**GO, "cmd/api/main.go": SERVER}, "server", "cmd/api/main.go", None),
        ({**GO, "main.go": SERVER, "service.json": "{}", "sam.yaml": "Type: AWS::Lambda::Function\n"}, "serverless", "sam.yaml", Severity.ERROR),
        ({**GO, "tools/main.go": SERVER}, "unknown", "", Severity.WARNING),
        (GO, "unknown", "", Severity.WARNING),
        ({".env.production": ENV}, "unknown", "", Severity.ERROR),
        ({**GO, "main.go": SERVER, "vercel.json": '{"functions": {}}'}, "serverless", "vercel.json", Severity.ERROR),
    ],
)  # fmt: skip
def test_runtime(
    files: dict[str, str],
    kind: str,
    source: str,
    direct: Severity | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A call that listens is a server's; a platform's file says more; in a project the unknown is a warning at most."""
    report = run(files, "", tmp_path, monkeypatch)

    (context,) = [each for each in report.packages if each.path == "."]
    assert (context.runtime.kind, context.runtime.source) == (kind, source)
    found = [each.severity for each in report.findings if each.rule.id == "PC101"]
    assert found == ([direct] if direct else [])


def test_the_manifest_that_is_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server in one folder of a monorepo says nothing of the site in another."""
    files = {
        "api/.env": ENV, "api/go.mod": GO_MOD, "api/main.go": SERVER,
        "web/.env": ENV, "web/package.json": '{"dependencies": {"next": "16.0.0", "pg": "8.16.0"}}',
    }  # fmt: skip
    report = run(files, "", tmp_path, monkeypatch)

    assert {each.path: each.runtime.kind for each in report.packages} == {"api": "server", "web": "unknown"}
