"""Programs that listen on a port or take jobs by themselves, told by one call in their source: evidence of a server.

It is the weakest evidence: a platform's file, an image or an adapter for functions says more. Each call stands in the
documentation of its own library; what a development server alone calls (Flask's app.run) is not among them.
"""

import re

from poolcheck.readers.languages import language

# language → (the call, words of which one must be in the file); MSW's server.listen() is no server
_JS = (
    re.compile(
        rb"\b(?:app|server|fastify|api|httpServer|http)\.listen\((?!\)|\s*\{\s*onUnhandled)|\bcreateServer\([^\n]{0,200}\)\.listen\(|\bBun\.serve\("
    ),
    (b".listen(", b"Bun.serve("),
)
_CALLS: dict[str, tuple[re.Pattern[bytes], tuple[bytes, ...]]] = {
    "go": (
        re.compile(rb"\b\w+\.ListenAndServe(?:TLS)?\(|\bhttp\.Serve(?:TLS)?\(|\b(?:r|router|engine|e|g|app|s|srv|server|grpcServer)\."
        rb"(?:Run|Start|Listen|Serve)\(\s*(?:\":|\"\d|fmt\.|net\.|cfg\.|config\.|addr|port|lis|os\.)"),
        (b"ListenAndServe", b".Run(", b".Start(", b".Listen(", b".Serve("),
    ),
    "rust": (
        re.compile(rb"\baxum::serve\(|\bHttpServer::new\(|\brocket::build\(\)|\bwarp::serve\(|\bServer::builder\(\)"),
        (b"serve(", b"HttpServer::new(", b"rocket::build", b"Server::builder()"),
    ),
    "java": (re.compile(rb"\bSpringApplication\.run\(|\bMicronaut\.run\(|\bQuarkus\.run\(|\bJavalin\.create\("), (b".run(", b"Javalin.create(")),
    "kotlin": (
        re.compile(rb"\brunApplication<|\bSpringApplication\.run\(|\bembeddedServer\(|\bEngineMain\b|\bJavalin\.create\("),
        (b"runApplication<", b"embeddedServer(", b"EngineMain", b".run(", b"Javalin.create("),
    ),
    "csharp": (
        re.compile(rb"\bWebApplication\.Create(?:Slim|Empty)?Builder\(|\bHost\.Create(?:Default|Application)Builder\(|\bWebHost\.CreateDefaultBuilder\("),
        (b"Builder(",),
    ),
    "python": (
        re.compile(rb"\buvicorn\.run\(|\bweb\.run_app\(|\bwaitress\.serve\(|\bhypercorn\.asyncio\b|\bgrpc(?:\.aio)?\.server\(|(?m:^\w+\s*=\s*Celery\()"),
        (b"uvicorn.run(", b"run_app(", b"waitress.serve(", b"hypercorn.asyncio", b"grpc.", b"Celery("),
    ),
    "javascript": _JS,
    "typescript": _JS,
    "tsx": _JS,
}  # fmt: skip
# What makes such a program a function of Lambda or of another platform all the same.
_FUNCTION = re.compile(
    rb"\blambda\.Start\(|lambda_http|serverless-?(?:http|express)|APIGatewayProxy|AddAWSLambdaHosting|Mangum\(|ConfigureFunctionsWebApplication"
    rb"|ConfigureFunctionsWorkerDefaults|functions_framework"
)
_COMMENT = re.compile(rb"[^\S\n]*(?://|#|\*)")
_SHOWN = re.compile(r"(?:^|/)(?:examples?|samples?|demos?|docs?|templates?)/")


def serves(code: bytes, path: str) -> tuple[str, int] | None:
    """The first call of a file that makes it a server, as text, and its line; None where there is none.

    `path` is that within the project: what a library's examples start is not deployed.
    """
    told = _CALLS.get(language(path) or "")
    if told is None or _SHOWN.search(path) or not any(word in code for word in told[1]):
        return None
    if path.endswith(".go") and b"package main" not in code:
        return None
    for found in told[0].finditer(code):
        row = code.rfind(b"\n", 0, found.start()) + 1
        if _COMMENT.match(code, row) is None:
            if _FUNCTION.search(code):
                return None
            text = found[0].decode("utf-8", "replace").partition("(")[0].rstrip("<")
            return text.rpartition("\n")[2].strip(), code.count(b"\n", 0, found.start()) + 1
    return None
