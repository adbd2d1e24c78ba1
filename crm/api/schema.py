"""The OpenAPI description's finishing touch."""


def without_trailing_slashes(endpoints):
    """drf-spectacular's hook: the optional trailing slash is left out of the paths, as it is in the contract."""
    return [(path.rstrip("/"), *rest) for path, *rest in endpoints]
