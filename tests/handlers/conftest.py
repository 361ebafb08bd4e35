from tests.storage.conftest import postgresql, postgresql_url

__all__ = ["postgresql", "postgresql_url"]
