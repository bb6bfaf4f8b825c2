"""What an uploaded schedule imports.

    from mpsc import ComputeBaseClass

    class Fast(ComputeBaseClass):
        def schedule(self, providers):
            good = [p for p in providers if p.cost_usd < 0.01 and p.mean_ms < 20]
            return min(good, key=lambda p: p.mean_ms).name
"""


class Provider:
    """A provider's metrics within the window; times in milliseconds."""

    def __init__(self, metrics):
        self.name = metrics["provider"]
        self.function = metrics["function"]
        self.tests = metrics["tests"]
        self.errors = metrics["errors"]
        self.failing = metrics["failing"]
        self.mean_ms = metrics["mean_ms"]
        self.p50_ms = metrics["p50_ms"]
        self.p90_ms = metrics["p90_ms"]
        self.p99_ms = metrics["p99_ms"]
        self.cost_usd = metrics["cost_usd"]
        self.recent_ms = metrics.get("recent_ms", 0)


class ComputeBaseClass:
    """A schedule is a subclass that overrides schedule()."""

    def schedule(self, providers):
        """Returns the name of one of the providers."""
        raise NotImplementedError
