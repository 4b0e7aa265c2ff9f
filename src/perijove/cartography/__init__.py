"""Maps of solved strips: light, sigma, quality and backplanes on any map's grid, a band of rows at a time."""

from perijove.cartography.chart import Chart, Content, chart_of
from perijove.cartography.plan import Plan, plan_map

__all__ = ["Chart", "Content", "Plan", "chart_of", "plan_map"]
