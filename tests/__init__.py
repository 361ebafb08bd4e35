"""Before anything else, in each process of a run: as in production, the algebra has one thread."""

from cli.settings import limit_algebra_threads

limit_algebra_threads()
