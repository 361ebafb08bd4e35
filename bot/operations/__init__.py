"""Running the bot over months: crashes, outages, retention, numbers for operators. Called by `cli/` and the use cases.

recovery      heartbeats, and work that dead replicas left behind
write_buffer  writes that the database does not take, queued until it is back
retention     expiry of requests, secrets, keys and texts
erasure       requests deleted for good, with a receipt
metrics       counters for Prometheus
log_events    one log line a request, a choice, an undo
"""
