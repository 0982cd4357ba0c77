"""One module per format, each `render(report, style) -> str`."""
