"""Makes `python -m reluctant` run the command."""

from __future__ import annotations

from reluctant.command import main

if __name__ == "__main__":
    main()
