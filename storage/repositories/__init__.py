"""Repositories, one a noun; each method is one transaction.

requests, choices, deliveries, rankers, vault, replicas, leases, switches, audit, idempotency_keys, imports, erasures
"""
