"""The search spaces that come with the package, as TOML files that users run, copy and edit."""

from __future__ import annotations

EARLIER_TEXTS = {
    "core": {"9cb9e9522174808e5c5c2e65401b05344bc2b2391a9d4f7b24eabcd43f085467"},
    "rectifiers": {"1010056cb2b14358d76c530422503456d6b321b5f7f852263aecc59cafe3e79b"},
    "sparse": {"701a4c272726c79117e9cc293d3af235edb0f81b9ab95f01a34aa0e4204d29ab"},
    "wide": {"1a4c4af85baf36f1af2d9e8f9682d72c239a56c037283d60b92f0daa5b6574f9"},
}
"""SHA-256 of the texts that the presets had before, by which studies that were begun with them are found again.

Until version 0.1.0 their slopes started at 0.001.
"""
