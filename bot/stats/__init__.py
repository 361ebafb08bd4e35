"""Confidence intervals for clustered choices. Called by `ranking` and `reporting`.

cluster_intervals  shares, means and differences, clustered by agent
clusters           clusters of choice sets, and means over them
"""
