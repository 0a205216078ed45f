"""One study, from its configuration to its answer."""
