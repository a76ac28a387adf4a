"""The version of the zoo, written here only: the package's metadata and every model.json take it from here."""

VERSION = "0.1.0"
