"""Repositories, one a noun; each method is one transaction.

requests, choices, deliveries, rankers, vault, replicas, leases, switches, audit, delivery_keys, imports, erasures
"""
