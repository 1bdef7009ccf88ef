"""Answers rules with python-dateutil: each line of the input is a number of dates, a start and an RRULE."""

import sys
from datetime import datetime
from itertools import islice

from dateutil.rrule import rrulestr

for line in sys.stdin:
    count, start, rule = line.split()
    dates = rrulestr(rule, dtstart=datetime.fromisoformat(start))
    print(" ".join(str(date.date()) for date in islice(dates, int(count))))
