"""Making lasting what is there now: pure planning from a host's state and its files to changes of files."""

from hostgw.plans.persist.build import NOTHING, paths, persist_plan
from hostgw.plans.persist.model import Files
from hostgw.plans.persist.offer import OFFER, may_last

__all__ = ["NOTHING", "OFFER", "Files", "may_last", "paths", "persist_plan"]
