"""``factorystream topics``: the topics of the registry on a broker."""

from dataclasses import asdict

import typer

from services.cli.options import DATA_DIR, Bootstrap, Json, LastDir
from services.cli.screen import OUT, note, print_json, table
from services.stack.session import broker_at
from services.topics import cluster

DAY_MS = 86_400_000


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The topics that the registry declares, on a broker.", no_args_is_help=True)
    group.command("create", epilog="Example: factorystream topics create --bootstrap kafka:9092")(create)
    group.command("show", epilog="Example: factorystream topics show --json")(show)
    group.command("diff", epilog="Example: factorystream topics diff --bootstrap kafka:9092")(diff)
    app.add_typer(group, name="topics")


def create(data_dir: LastDir = DATA_DIR, bootstrap: Bootstrap = None, as_json: Json = False) -> None:
    """Create what is missing and put settings right. Doing it again changes nothing."""
    with broker_at(data_dir, bootstrap, note) as where:
        changes = cluster.create(where)
    if as_json:
        print_json(asdict(changes))
    else:
        OUT.print("\n".join(changes.sentences()) or "every topic is as declared", markup=False)


def show(data_dir: LastDir = DATA_DIR, bootstrap: Bootstrap = None, as_json: Json = False) -> None:
    """List the topics on the broker."""
    with broker_at(data_dir, bootstrap, note) as where:
        found = cluster.show(where)
    rows = [(t.name, t.partitions, t.config["cleanup.policy"], int(t.config["retention.ms"])) for t in found]
    if as_json:
        print_json([dict(zip(("name", "partitions", "cleanup", "retention_ms"), row, strict=True)) for row in rows])
        return
    made = table("Topics", "name", "partitions", "cleanup", "kept", right=("partitions", "kept"))
    for name, partitions, cleanup, retention_ms in rows:
        made.add_row(name, str(partitions), cleanup, "for good" if retention_ms < 0 else f"{retention_ms / DAY_MS:g} d")
    OUT.print(made)


def diff(data_dir: LastDir = DATA_DIR, bootstrap: Bootstrap = None, as_json: Json = False) -> None:
    """Tell how broker and registry differ; exit code 1 when `create` has work to do."""
    with broker_at(data_dir, bootstrap, note) as where:
        found = cluster.diff(where)
    if as_json:
        print_json({"needs_work": found.needs_work, "differences": found.sentences()})
    else:
        OUT.print("\n".join(found.sentences()) or "broker and registry agree", markup=False)
    raise typer.Exit(int(found.needs_work))
