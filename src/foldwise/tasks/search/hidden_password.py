"""The URL of a database as it may be shown."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy


def hide_password(storage: str) -> str:
    """Return a storage as it may be shown.

    >>> hide_password("postgresql://anna:secret@host/name?password=secret")
    'postgresql://anna:***@host/name?password=hidden'
    """
    if "://" not in storage:
        return storage
    # Here, because parameters are read where no search is run.
    import sqlalchemy

    try:
        url = sqlalchemy.make_url(storage)
    except (sqlalchemy.exc.ArgumentError, ValueError):  # no URL: as far as it is no secret
        return storage.rpartition("@")[2] or storage
    if has_loose_at(url):
        return f"{url.drivername}://***"
    secret = {name: "hidden" for name in url.query if "pass" in name or "secret" in name}
    return url.update_query_dict(secret).render_as_string(hide_password=True)


def has_loose_at(url: "sqlalchemy.URL") -> bool:
    """Tell whether what follows a password has an @, so that it may be the rest of one."""
    return url.password is not None and "@" in f"{url.host}{url.database}"
