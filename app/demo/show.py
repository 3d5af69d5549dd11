"""How the demo speaks: plain lines and small tables, the same in a terminal and in a log file."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from app.demo.client import Json, Outcome
from solver.domain.instrument import Token
from solver.domain.numbers import format_decimal

POINTS_SHOWN = 5
console = Console(highlight=False, width=110, soft_wrap=True)


def title(text: str) -> None:
    """Opens a scene."""
    console.print(f"\n[bold]{text}[/bold]")


def line(label: str, text: str = "") -> None:
    """One line of the story."""
    console.print(f"  {label:<20}{text}".rstrip(), markup=False)


def quote_of(quote: Json, tokens: Iterable[Token] = ()) -> None:
    """Shows what a wallet is asked to sign and what it buys."""
    symbols = {token.address: token.symbol for token in tokens}
    _typed_data(quote["typedData"])
    for choice in quote["choices"]:
        if isinstance(choice["asked"], dict):
            _choice(choice)
    legs = Table("  leg", "venue", "quantity", "price / gets", box=None, pad_edge=False)
    for fill in quote["fills"]:
        maker = f"maker {fill['maker'][:10]}…" if fill["maker"] else "solver's account"
        legs.add_row(f"  {fill['instrument']}", maker, fill["quantity"], fill["price"])
    for swap in quote["swaps"]:
        pool = f"{swap['venue']} {swap['pool'][:10]}…"
        sides = (symbols.get(swap[side], swap[side][:10]) for side in ("tokenIn", "tokenOut"))
        legs.add_row("  " + " → ".join(sides), pool, swap["amountIn"], swap["amountOut"])
    if legs.row_count:
        console.print(legs)
    if quote["fills"]:
        line("net premium", quote["netPremium"])
    line("net cost", f"{quote['netCost']}, of it fee {quote['fee']}")
    for payoff in quote["payoff"]:
        points = payoff["points"]
        step = max(1, len(points) // POINTS_SHOWN)
        shown = [f"{p['price'][:9]}: {p['atExpiry'][:9]}" for p in points[step // 2 :: step]]
        line("payoff at expiry", "  ".join(shown))
        evens = ", ".join(price[:9] for price in payoff["breakEvens"]) or "none"
        line("", f"break-even {evens}; most lost {payoff['lossMax'] or 'unbounded'}")
    for row in quote["greeksAfter"]:
        values = "  ".join(f"{k} {row[k][:10]}" for k in ("delta", "gamma", "vega", "theta"))
        line("greeks after", values)
    for when in ("Before", "After"):
        view = quote[f"margin{when}"]
        figures = "  ".join(f"{k} {view[k]}" for k in ("equity", "initial", "maintenance"))
        line(f"margin {when.lower()}", f"{figures}  health {view['health'] or '∞'}")
    line("certificate", f"{quote['certificate']['gapPpm']} ppm from the proven optimum (gapPpm)")


def _typed_data(document: Json) -> None:
    domain, message = document["domain"], document["message"]
    intent = message.get("witness", message)
    line(
        "typed data",
        f"{document['primaryType']} for {domain['name']} {domain['verifyingContract']}",
    )
    for leg in intent["legs"]:
        bounds = f"{leg['quantityMin']} to {_bound(leg['quantityMax'])}"
        line("", f"{leg['kind']:<11}{leg['side']:<9}{leg['right']:<6}{bounds}")
    limits = intent["limits"]
    names = ("maxNetCost", "maxFee", "maxSlippageBps", "deltaTolerance", "maxMarginUsed")
    signed = [f"{name} {limits[name]}" for name in names if _bound(limits[name]) != "none"]
    line("", "  ".join(signed))


def _choice(choice: Json) -> None:
    asked = ", ".join(f"{name} {value}" for name, value in choice["asked"].items())
    for found in choice["contracts"]:
        figures = f"delta {found['delta'][:6]}, {float(found['days']):.0f} days"
        line("chosen", f"{choice['side']} {asked}: {found['instrument']} ({figures})")


def outcome_of(outcome: Outcome, decimals: int) -> None:
    """Shows the transaction, the fills and the stream, with sequence numbers."""
    line("uid", f"{outcome.uid[:34]}…")
    line("transaction", outcome.intent["txHash"])
    for event in outcome.events:
        body = event["body"]
        if event["type"] == "LegFilled":
            quantity, price = (format_decimal(int(body[key])) for key in ("quantity", "price"))
            cash = format_decimal(int(body["cash"]), decimals)
            line("fill", f"{quantity} at {price}, cash {cash}")
    for event in outcome.events:
        body = event["body"]
        is_move = event["type"] == "IntentStateChanged"
        moved = f"{body['from'] or '·'} → {body['to']}" if is_move else ""
        count = body.get("confirmations") or ""
        line(f"event seq {event['seq']}", f"{event['type']} {moved} {count}")


def _bound(number: str) -> str:
    """Returns the number, or 'none' for the values that mean no bound."""
    return "none" if int(number) in (2**256 - 1, 2**255 - 1, 2**32 - 1) else number
