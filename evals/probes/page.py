"""The HTML of a probe's report."""

import math
from typing import Any

from jinja2 import Environment

from foveate.evals.probes.record import ProbeReport

__all__ = ["render"]

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{ report.title }}</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c;background:#fff}
h1{font-size:1.5rem;margin-bottom:0}h2{font-size:1.1rem;margin-top:2rem}.source{color:#666;margin-top:0}
.wide{overflow-x:auto}table{border-collapse:collapse}
th,td{padding:.25rem .7rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}
figure{margin:1rem 0}img{max-width:100%;height:auto;border:1px solid #ddd}figcaption{color:#555}
</style></head><body>
<h1>{{ report.title }}</h1><p class="source">{{ report.source }}</p>
<div class="wide"><table class="facts">
{% for key, value in report.facts.items() %}<tr><th>{{ key | replace("_", " ") }}</th>{{ cell(value) }}</tr>
{% endfor %}</table></div>
{% for note in report.notes %}<p class="note">{{ note }}</p>{% endfor %}
{% for table in report.tables %}<h2>{{ table.title }}</h2><div class="wide"><table>
<tr>{% for name in table.columns %}<th>{{ name }}</th>{% endfor %}</tr>
{% for row in table.rows %}<tr>{% for value in row %}{{ cell(value) }}{% endfor %}</tr>
{% endfor %}</table></div>
{% endfor %}{% for picture in report.pictures %}<figure>
<img src="{{ picture.uri }}" alt="{{ picture.title }}"><figcaption>{{ picture.title }}</figcaption></figure>
{% endfor %}</body></html>
"""


def render(report: ProbeReport) -> str:
    """The page of a report: captions and names in it are data and are escaped."""
    environment = Environment(autoescape=True)
    cell = environment.from_string('<td{{ " class=n" if number }}>{{ text }}</td>')

    def shown(value: Any) -> Any:
        from markupsafe import Markup

        number = isinstance(value, int | float) and not isinstance(value, bool)
        return Markup(cell.render(number=number, text=_text(value)))  # its own template escaped it

    return environment.from_string(_PAGE).render(report=report, cell=shown)


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e-3 else f"{value:.3f}"
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    return str(value)
