"""What a report rests on in the catalogue, and whether that was looked at long ago."""

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, cast

from poolcheck import catalogue
from poolcheck.catalogue import age
from poolcheck.model.report import Report

if TYPE_CHECKING:
    from poolcheck.model.explanation import Explanations


def with_age(report: Report, day: date | None = None) -> Report:
    """The report, with one sentence more where facts behind it are old."""
    items: list[Any] = [target.match.provider for target in report.targets if target.match.provider]
    for section in report.sections:
        if section.name == "explanations":  # a lint does not load what it would be compared with
            items += [item.error for item in cast("Explanations", section).items]
    used = dict.fromkeys(use.id for package in report.packages for use in package.drivers)
    items += [found for name in used if (found := catalogue.driver(name))]
    said = age.told(items, day or age.today())
    return replace(report, notes=(*report.notes, said)) if said else report
