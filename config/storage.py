"""How static files are kept where they are collected: compressed, and with a hash of their content in the name."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStorage(CompressedManifestStaticFilesStorage):
    """Follows what style sheets name, and not what scripts do: vendored ones name source maps they do not ship."""

    patterns = tuple((glob, found) for glob, found in CompressedManifestStaticFilesStorage.patterns if glob == "*.css")
