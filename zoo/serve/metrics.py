"""What Prometheus may know."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from zoo.serve.library import Library

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SIZES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """The server's counters, in a registry of their own."""

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        self.requests = Counter(
            "rankzoo_requests", "Requests answered.", ("method", "route", "status"), registry=own
        )
        self.seconds = Histogram(
            "rankzoo_request_seconds",
            "From request to answer.",
            ("route",),
            buckets=SECONDS,
            registry=own,
        )
        self.batch = Histogram(
            "rankzoo_batch_size", "Queries taken together.", buckets=SIZES, registry=own
        )
        self.refusals = Counter(
            "rankzoo_refusals", "Requests refused at the door.", ("reason",), registry=own
        )
        self.waiting = Gauge("rankzoo_waiting", "Queries in line.", registry=own)
        self.items = Gauge("rankzoo_items", "Items of an index.", ("index",), registry=own)
        self.generation = Gauge(
            "rankzoo_generation", "Generation of an index.", ("index",), registry=own
        )
        self.reloads = Gauge(
            "rankzoo_reloads", "Generations taken since the start.", ("index",), registry=own
        )
        self.up = Gauge("rankzoo_index_up", "1 for an index in order.", ("index",), registry=own)

    def text(self, library: Library, waiting: int) -> bytes:
        """Return everything in Prometheus's text format."""
        self.waiting.set(waiting)
        for name, served in library.served.items():
            manifest = served.manifest
            self.items.labels(name).set(manifest.count)
            self.generation.labels(name).set(manifest.generation)
            self.reloads.labels(name).set(served.reloads)
            self.up.labels(name).set(not served.problem)
        return generate_latest(self.registry)
