"""Where an edge's answer is entered: through its gate when using it costs something fixed."""

import math

from solver.routing.kernel.state import SHUT, SOFTNESS, Problem


def enter(problem: Problem, i: int, flow_a: float, flow_b: float, weight: float) -> None:
    """Enters flows and weight of an edge. Softness s turns max(0, gain - cost) into
    s*log(1 + exp((gain - cost)/s)): its derivative, between 0 and 1, is how far the gate is open.
    """
    edges, tokens = problem.edges, problem.tokens
    if flow_a != 0.0 or flow_b != 0.0:
        a, b = edges.a[i], edges.b[i]
        softness = problem.knobs[SOFTNESS]
        if softness > 0.0 and edges.cost[i] > 0.0:
            worth_a, worth_b = tokens.trial[a] * flow_a, tokens.trial[b] * flow_b
            over = (worth_a + worth_b - edges.cost[i]) / softness
            gate = 0.0 if over < -SHUT else 1.0 / (1.0 + math.exp(-over))
            bend = gate * (1.0 - gate) / softness
            weight = gate * weight + bend * abs(worth_a * worth_b)
            edges.gate[i] = gate
            flow_a, flow_b = gate * flow_a, gate * flow_b
        tokens.net[a] += flow_a
        tokens.net[b] += flow_b
    elif edges.cost[i] > 0.0:
        edges.gate[i] = 0.0
    edges.flow_a[i], edges.flow_b[i], edges.weight[i] = flow_a, flow_b, weight
