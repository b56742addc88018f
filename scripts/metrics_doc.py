"""Prints the table of metrics of docs/seeing.md from the metrics themselves; a test compares the two."""

from prometheus_client.metrics import MetricWrapperBase

from service import telemetry


def table() -> str:
    """A row a metric of ours, in the order in which they are made."""
    metrics = [one for one in vars(telemetry).values() if isinstance(one, MetricWrapperBase)]
    rows = []
    for one in metrics:
        (family,) = one.describe()
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = ", ".join(f"`{label}`" for label in one._labelnames)
        rows.append(f"| `{name}` | {family.type} | {labels} | {family.documentation} |")
    return "| metric | kind | labels | what it says |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(table(), end="")
