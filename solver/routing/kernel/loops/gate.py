"""What fixed costs let through: an edge's answer passes its gate when using it costs something."""

import math

from solver.routing.kernel.state import SHUT, SOFTNESS, Problem


def pass_gates(problem: Problem) -> None:
    """Softness s turns max(0, gain - cost) into s*log(1 + exp((gain - cost)/s)): its derivative,
    between 0 and 1, is how far the gate is open.
    """
    edges, trial, net = problem.edges, problem.tokens.trial, problem.tokens.net
    softness = problem.knobs[SOFTNESS]
    for t in range(net.size):
        net[t] = problem.tokens.supply[t]
    for i in range(edges.a.size):
        a, b, flow_a, flow_b = edges.a[i], edges.b[i], edges.flow_a[i], edges.flow_b[i]
        if edges.cost[i] > 0.0:
            worth_a, worth_b = trial[a] * flow_a, trial[b] * flow_b
            over = (worth_a + worth_b - edges.cost[i]) / softness
            gate = 0.0 if over < -SHUT or flow_a == 0.0 else 1.0 / (1.0 + math.exp(-over))
            bend = gate * (1.0 - gate) / softness
            edges.weight[i] = gate * edges.weight[i] + bend * abs(worth_a * worth_b)
            edges.gate[i] = gate
            flow_a, flow_b = gate * flow_a, gate * flow_b
            edges.flow_a[i], edges.flow_b[i] = flow_a, flow_b
        net[a] += flow_a
        net[b] += flow_b
