"""The version of the contracts, which is that of the distribution (Semantic Versioning)."""

VERSION = "0.1.0"
