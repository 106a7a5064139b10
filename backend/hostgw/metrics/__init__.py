"""The latest view as metrics of Prometheus.

Everything is read when somebody scrapes, so that all of an answer is of one moment and nobody's work is done in vain.
How many series there can be is bounded: hosts are listed, codes are those of the catalogue, devices and rules are
chosen and counted off (`live.counting`, `metrics.rules`); nothing is named by container, port or address of a flow.
"""
