"""`python -m cli` is `suggest`."""

from cli.main import main

main()
