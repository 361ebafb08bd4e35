"""Statistics of clustered choices, on arrays: knows no records. Called by `ranking`, `reporting` and `experiments`.

anytime_intervals  differences of two shares that may be looked at as often as one likes
cluster_intervals  shares, means and differences with 95% intervals, clustered by agent
"""
