"""The edits that mend a project: tried in rounds, shown as a diff, written."""
