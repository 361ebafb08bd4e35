"""Before anything else, in each process of a run: as in production, the algebra has one thread."""

from cli.settings import one_thread_of_algebra

one_thread_of_algebra()
