"""A packet's predicted way, tap by tap, in both directions: `predict(fabric, source, destination)`.

Pure: it walks what the hosts' kernels hold (routes, neighbours, rules, settings), and sends nothing.
"""

from hostgw.paths.predict.both import predict
from hostgw.paths.predict.ends import find_end

__all__ = ["find_end", "predict"]
