"""Which call in the source makes a program a server."""

import pytest

from poolcheck.readers.deploy.entry_points import serves


@pytest.mark.parametrize(
    ("path", "code", "call", "line"),
    [
        ("main.go", 'package main\n\nfunc main() { http.ListenAndServe(":80", nil) }\n', "http.ListenAndServe", 3),
        ("main.go", "package main\nfunc main() {\n\tlog.Fatal(srv.ListenAndServe())\n}\n", "srv.ListenAndServe", 3),
        ("cmd/api/main.go", 'package main\nfunc main() { r := gin.Default(); r.Run(":8080") }\n', "r.Run", 2),
        ("main.go", 'package main\nfunc main() { e.Logger.Fatal(e.Start(":1323")) }\n', "e.Start", 2),
        ("main.go", 'package main\nfunc main() { app.Listen(":3000") }\n', "app.Listen", 2),
        ("src/main.rs", "async fn main() {\n    axum::serve(listener, app).await.unwrap();\n}", "axum::serve", 2),
        ("src/main.rs", "HttpServer::new(|| App::new()).bind(a)?.run().await", "HttpServer::new", 1),
        ("src/App.java", "class App { void m() { SpringApplication.run(App.class, args); } }", "SpringApplication.run", 1),
        ("src/App.kt", "fun main() {\n    runApplication<App>()\n}", "runApplication", 2),
        ("src/App.kt", "embeddedServer(Netty, port = 8080) {}", "embeddedServer", 1),
        ("Program.cs", "var builder = WebApplication.CreateBuilder(args);", "WebApplication.CreateBuilder", 1),
        ("app/main.py", 'import uvicorn\nuvicorn.run("app:app")\n', "uvicorn.run", 2),
        ("app/celery.py", 'from celery import Celery\napp = Celery("app")\n', "app = Celery", 2),
        ("src/index.ts", "const app = express()\napp.listen(3000)\n", "app.listen", 2),
        ("server.js", "http.createServer((req, res) => h(req, res)).listen(3000)", "createServer", 1),
        ("index.ts", "Bun.serve({ fetch })", "Bun.serve", 1),
    ],
)  # fmt: skip
def test_server(path: str, code: str, call: str, line: int) -> None:
    """By the call, with its line."""
    assert serves(code.encode(), path) == (call, line)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("server/server.go", 'package server\nfunc Run() { http.ListenAndServe(":80", nil) }\n'),
        ("main.go", 'package main\nfunc main() {\n\t// http.ListenAndServe(":80", nil)\n}\n'),
        ("main.go", "package main\nfunc main() { cmd.Run() }\n"),
        (
            "main.go",
            'package main\nfunc main() { if l { lambda.Start(h) } else { http.ListenAndServe(":1", h) } }\n',
        ),
        ("src/main.rs", "fn main() { lambda_http::run(f); axum::serve(l, a); }"),
        ("Program.cs", "Host.CreateDefaultBuilder().ConfigureFunctionsWorkerDefaults()"),
        ("src/setup.ts", "beforeAll(() => server.listen({ onUnhandledRequest: 'error' }))\nserver.listen()"),
        ("src/index.ts", "export default app"),
        ("app.rb", "run App"),
        ("examples/x/main.go", 'package main\nfunc main() { http.ListenAndServe(":80", nil) }\n'),
    ],
)
def test_no_server(path: str, code: str) -> None:
    """A library, a comment, another program's start, a function's adapter, a mock server of tests."""
    assert serves(code.encode(), path) is None
