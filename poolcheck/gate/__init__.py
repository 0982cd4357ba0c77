"""One verdict for CI: lint, the sums while a deploy runs, and a look at the server."""
