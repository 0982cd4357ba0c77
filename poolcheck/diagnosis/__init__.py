"""From findings to a remedy: rules run over subjects, the five steps, the sheet."""
