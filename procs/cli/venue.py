"""`trader venue`: serves the simulated exchange alone."""

from pathlib import Path

import click

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--config", "config_file", type=FILE, help="TOML that overrides the profile, as for trader run.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind.")
@click.option("--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="Port; 0: any free one.")
@click.option(
    "--key",
    "key_file",
    type=FILE,
    default=Path("venue.key"),
    show_default=True,
    help="Key file of mode 0600 that clients sign with; made where there is none.",
)
def venue(config_file: Path | None, host: str, port: int, key_file: Path) -> None:
    """Serve the simulated exchange alone, so that another program can trade on it.

    It speaks Binance USD-M futures: market streams, REST, the order API and the user stream, on one port. Its
    background market runs as [exchange] in the configuration says. Orders need the key; market data do not.

    [exchange.faults] lets things go wrong, from a seed: messages late, twice, in another order or never, requests
    lost, refused or left in doubt, fills that come before acknowledgements and cancels, rate limits with bans, hangs,
    silent and cut connections, restarts. trader.exchange.fault_config says what each knob does. The faults end after
    heal_after_s, or on SIGUSR1; what they kept from a client, it finds by status queries, open orders and trades.
    """
    from procs.settings import load_config
    from procs.venue import serve_venue

    serve_venue(load_config(config_file), host=host, port=port, key_file=key_file, show=click.echo)
