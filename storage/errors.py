"""Errors of storage, which the other rooms may catch.

StorageError
├── DatabaseUnavailable      the write did not happen: locked, full, read-only or gone; nothing was recorded
│   ├── DatabaseUnreachable  the database's server does not answer, or takes nobody yet: it may come
│   └── DatabaseUnsuitable   the role lacks a right, or the database cannot hold the texts: its administrator can help
├── DuplicateDelivery        this very delivery was recorded before: do nothing, answer nothing
├── RequestClosed            the request is decided, redrafted, expired or failed: it takes no further choice
├── NothingToUndo            no choice stands on this request
├── DeliveryInProgress       a part of the reply is on its way to Slack at this moment
├── OwnershipLost            another replica took this process for dead, and has the request or delivery now
└── SchemaTooNew             the database was migrated by a newer version of this program
"""


class StorageError(Exception):
    """The root of the tree above."""


class DatabaseUnavailable(StorageError):
    """The database did not take the write, or could not be read; nothing was recorded."""


class DatabaseUnreachable(DatabaseUnavailable):
    """The database's server does not answer, or takes nobody yet: it may be starting."""


class DatabaseUnsuitable(DatabaseUnavailable):
    """The role lacks a right, or the database cannot hold what is to be kept; waiting does not help."""


class DuplicateDelivery(StorageError):
    """The idempotency key of this delivery is recorded already, and so is its effect."""


class RequestClosed(StorageError):
    """The request takes no further choice."""


class NothingToUndo(StorageError):
    """No choice stands on the request."""


class DeliveryInProgress(StorageError):
    """A part of the reply is being posted; whether it arrives is not known yet."""


class OwnershipLost(StorageError):
    """Another replica has taken over the work: it is no longer ours to record."""


class SchemaTooNew(StorageError):
    """The database's schema is newer than this program."""
