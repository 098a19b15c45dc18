"""When a member of an archive was last changed, whatever a hostile archive says of it."""

import calendar

_YEAR_10000 = 253_402_300_800  # in seconds since 1970


def whole_seconds(time: float) -> int:
    """Return whole seconds since 1970; 0 for a time before 1970 or after 9999, or none at all.

    >>> whole_seconds(1.5), whole_seconds(float("nan")), whole_seconds(1e20)
    (1, 0, 0)
    """
    return int(time) if 0 <= time < _YEAR_10000 else 0


def zip_time(date_time: tuple[int, ...]) -> int:
    """Return (year, month, day, hour, minute, second) as seconds since 1970; 0 for no month.

    >>> zip_time((1980, 1, 1, 0, 0, 0)), zip_time((1980, 15, 1, 0, 0, 0))
    (315532800, 0)
    """
    try:
        return whole_seconds(calendar.timegm((*date_time, 0, 0, 0)))
    except ValueError:
        return 0
