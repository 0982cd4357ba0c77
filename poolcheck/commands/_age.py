"""What a report rests on in the catalogue, and whether that was looked at long ago."""

from dataclasses import replace
from datetime import date
from typing import Any

from poolcheck import catalogue
from poolcheck.catalogue import age
from poolcheck.model.explanation import Explanations
from poolcheck.model.report import Report


def with_age(report: Report, day: date | None = None) -> Report:
    """The report, with one sentence more where facts behind it are old."""
    items: list[Any] = [target.match.provider for target in report.targets if target.match.provider]
    for section in report.sections:
        if isinstance(section, Explanations):
            items += [item.error for item in section.items]
    used = dict.fromkeys(use.id for package in report.packages for use in package.drivers)
    items += [found for name in used if (found := catalogue.driver(name))]
    said = age.told(items, day or age.today())
    return replace(report, notes=(*report.notes, said)) if said else report
