"""The URL of a database as it may be shown."""


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
        return storage.partition("@")[2] or storage
    secret = {name: "hidden" for name in url.query if "pass" in name or "secret" in name}
    return url.update_query_dict(secret).render_as_string(hide_password=True)
